"""The options of a CSV file, with their defaults, and pyarrow's settings for them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from atlas.data_formats import LIMIT, compression_of, is_tabbed
from atlas.datasets.compression import opened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ISO = "ISO"
"""The form of dates in ISO 8601."""
_MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What stands for a missing value, as pandas has it."""
_BLOCK = 4 * 2**20


class CsvOptions:
    """The options of one file, with their defaults."""

    def __init__(self, path: Path, raw: Mapping[str, Any]) -> None:
        self.is_tabbed = is_tabbed(path.name)
        self.separator: str = raw.get("separator", "\t" if self.is_tabbed else ",")
        self.decimal: str = raw.get("decimal", ".")
        self.encoding: str = raw.get("encoding", "utf-8")
        dates = raw.get("dates", ())
        self.dates: dict[str, str] = (
            dict(dates) if hasattr(dates, "items") else dict.fromkeys(dates, ISO)
        )
        self.types: dict[str, str] = dict(raw.get("types", {}))
        self.most: int = raw.get(LIMIT, 0)


def source_of(path: Path, own: CsvOptions) -> Any:
    """Return what pyarrow reads: the file itself, which it maps, or its content."""
    return opened(path, most=own.most) if compression_of(path.name) else nullcontext(str(path))


def settings_of(own: CsvOptions, texts: frozenset[str]) -> dict[str, Any]:
    """Return pyarrow's options."""
    import pyarrow
    from pyarrow import csv

    kinds: dict[str, Any] = {
        "string": pyarrow.string(),
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "category": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    }
    columns = {name: pyarrow.string() for name in {*texts, *own.dates}}
    columns |= {name: kinds[kind] for name, kind in own.types.items()}
    encoding = "utf8" if own.encoding.lower() in ("utf-8", "utf8", "utf-8-sig") else own.encoding
    return {
        "read_options": csv.ReadOptions(encoding=encoding, block_size=_BLOCK),
        "parse_options": csv.ParseOptions(delimiter=own.separator, newlines_in_values=True),
        "convert_options": csv.ConvertOptions(
            column_types=columns,
            decimal_point=own.decimal,
            null_values=list(_MISSING),
            strings_can_be_null=True,
        ),
    }
