"""What files of data sets may be: formats, their endings and options; and where they may be.

Names alone, for validation and everything else that opens nothing. `atlas.datasets` reads and
writes them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMPRESSIONS = ("gz", "zip", "bz2", "xz", "zst")
"""Endings that say that the file before them is compressed."""
TABLE, FILE, FOLDER = "table", "file", "folder"
SQL = "sql:"
"""Beginning of a URI that names a secret with a database's URL."""
KEDRO = "kedro:"
"""Beginning of a URI that names a dataset class of Kedro's."""
KEDRO_CLASSES = (
    *("api.APIDataset", "biosequence.BioSequenceDataset", "dask.CSVDataset", "dask.ParquetDataset"),
    *("databricks.ManagedTableDataset", "geopandas.GenericDataset", "ibis.FileDataset"),
    *("ibis.TableDataset", "json.JSONDataset", "matplotlib.MatplotlibDataset"),
    *("networkx.GMLDataset", "networkx.GraphMLDataset", "networkx.JSONDataset"),
    *("pandas.CSVDataset", "pandas.DeltaTableDataset", "pandas.ExcelDataset"),
    *("pandas.FeatherDataset", "pandas.GBQQueryDataset", "pandas.GBQTableDataset"),
    *("pandas.JSONDataset", "pandas.ParquetDataset", "pandas.SQLQueryDataset"),
    *("pandas.SQLTableDataset", "pandas.XMLDataset", "pillow.ImageDataset"),
    *("plotly.JSONDataset", "polars.CSVDataset", "snowflake.SnowparkTableDataset"),
    *("spark.SparkDataset", "spark.SparkHiveDataset", "spark.SparkJDBCDataset"),
    *("svmlight.SVMLightDataset", "text.TextDataset", "yaml.YAMLDataset"),
)
"""The classes of the package ``kedro_datasets`` that may be named, and no others."""
DELTA, ICEBERG = "delta", "iceberg"
LAKES = (DELTA, ICEBERG)
"""Formats of folders that are one table, with a history; they are only read."""
EVERYTHING = "bytes"
"""The format of what no ending says anything of."""


class DataFormat(NamedTuple):
    """One format.

    Attributes:
        name: as documents name it.
        endings: of files in it; the first is that of parts of a folder; none of a lake's.
        is_table: whether it has tables.
        is_compressed: whether its files may be compressed.
        options: the fields of an Environment's data set that are about it.
        extra: the extra of ``atlas-ml`` that reads it.
    """

    name: str
    endings: tuple[str, ...]
    is_table: bool = True
    is_compressed: bool = False
    options: tuple[str, ...] = ()
    extra: str = "data"


FORMATS: Mapping[str, DataFormat] = {
    one.name: one
    for one in (
        DataFormat("parquet", ("parquet", "pq"), options=("parquet",)),
        DataFormat("csv", ("csv", "tsv"), is_compressed=True, options=("csv",)),
        DataFormat("json", ("json",), is_compressed=True),
        DataFormat("jsonl", ("jsonl", "ndjson"), is_compressed=True),
        DataFormat("arrow", ("arrow", "feather")),
        DataFormat("excel", ("xlsx", "xlsm"), options=("excel",), extra="excel"),
        DataFormat("text", ("txt", "md"), is_table=False, is_compressed=True, options=("text",)),
        DataFormat(
            "image",
            ("png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff"),
            is_table=False,
            extra="pillow",
        ),
        DataFormat("bytes", ("bytes", "bin"), is_table=False),
        DataFormat(DELTA, (), options=(DELTA,), extra=DELTA),
        DataFormat(ICEBERG, (), options=(ICEBERG,), extra=ICEBERG),
    )
}
"""Every format by its name."""
OPTIONS = ("csv", "parquet", "excel", "text", DELTA, ICEBERG)
"""Fields of an Environment's data set with options of one format."""
LIMIT = "max_unpacked_bytes"
"""Field of an Environment's data set with the most bytes that a compressed file may unpack to."""
_BY_ENDING = {ending: one.name for one in FORMATS.values() for ending in one.endings}


class Protocol(NamedTuple):
    """One way to reach data: the beginning of a URL, the extra for it, whether one can write."""

    scheme: str
    extra: str = ""
    is_writable: bool = True
    has_folders: bool = True


PROTOCOLS: Mapping[str, Protocol] = {
    one.scheme: one
    for one in (
        Protocol("file"),
        Protocol("s3", "s3"),
        Protocol("gs", "gcs"),
        Protocol("az", "azure"),
        Protocol("abfs", "azure"),
        Protocol("https", "http", is_writable=False, has_folders=False),
        Protocol("http", "http", is_writable=False, has_folders=False),
        Protocol("memory", "s3"),
    )
}
"""Every protocol that data may be reached by; the schema of Environments has the same."""


def scheme_of(uri: str) -> str:
    """Return what is in front of a URI's first colon: ``s3``, ``store``, ``sql``."""
    return uri.partition(":")[0]


def format_of(uri: str) -> str:
    """Return the format of data that a URI's ending stands for; ``bytes`` for an unknown one.

    Text formats may be compressed: ``rows.csv.gz``.
    """
    if uri.endswith("/") or uri.startswith((SQL, KEDRO)):
        return "parquet"
    return said_by(uri) or EVERYTHING


def said_by(uri: str) -> str:
    """Return the format that a file's ending says; empty where it says none."""
    name, _, ending = uri.rpartition("/")[2].rpartition(".")
    if ending in COMPRESSIONS:
        inner = _BY_ENDING.get(name.rpartition(".")[2], "") if "." in name else ""
        return inner if inner and FORMATS[inner].is_compressed else ""
    return _BY_ENDING.get(ending, "") if name else ""


def compression_of(name: str) -> str:
    """Return how a file is compressed, as its ending says; empty for not at all."""
    ending = name.rpartition(".")[2]
    return ending if "." in name and ending in COMPRESSIONS else ""


def is_tabbed(name: str) -> bool:
    """Tell whether the columns of a CSV file are told apart by tabs, as its ending says."""
    plain = name.rpartition(".")[0] if compression_of(name) else name
    return plain.endswith(".tsv")


def is_part(key: str, format: str) -> bool:
    """Tell whether a file of a folder is in a format, by its ending."""
    return said_by(key) == format or key.endswith(f".{format}")


def endings() -> Iterator[str]:
    """Give the endings of files that have tables, compressed ones not."""
    for one in FORMATS.values():
        if one.is_table:
            yield from (f".{ending}" for ending in one.endings)


def options_of(raw: Mapping[str, Any], format: str) -> Mapping[str, Any]:
    """Return the options of a data set that are about its format."""
    if "kedro" in raw:
        return raw["kedro"]  # type: ignore[no-any-return]
    known = FORMATS.get(format)
    names = known.options if known else ()
    found: Mapping[str, Any] = next((raw[name] for name in names if name in raw), {})
    return {**found, LIMIT: raw[LIMIT]} if LIMIT in raw else found


IN_QUOTES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
"""Of SQL: texts, quoted names, comments."""
_WRITING = re.compile(
    r"\b(?:INSERT|REPLACE|MERGE)\b[\w\s]*\bINTO\b|\bDELETE\s+FROM\b|\bUPDATE\b[^()]*\bSET\b"
    r"|\bINTO\s+(?:OUTFILE|DUMPFILE)\b",
    re.IGNORECASE,
)
_EXECUTED = re.compile(r"/\*M?!")
"""A comment that MySQL executes."""


def writing_in(query: str) -> str:
    """Return what of a query isn't one SELECT: a ';' in it, or words that write; or nothing.

    Where a text ends is another thing for each database (a backslash, ``$$``), so a ';' within what
    looks like quotes counts as well: without one, there is no second statement.
    """
    found = _EXECUTED.search(query) or _WRITING.search(IN_QUOTES.sub(" ", query))
    if ";" in query.rstrip().removesuffix(";"):
        return "';'"
    return f"'{found[0][:60]}'" if found else ""
