"""Formats of tables; their libraries are imported when a value needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from atlas.errors import StoreError
from atlas.formats.format import Facts, Format, ancestry, article, type_name
from atlas.formats.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.formats.format import WiderTypes
    from atlas.formats.frames import Written

_TABLES = {"pandas.DataFrame": "pandas", "pandas.Series": "series", "pyarrow.Table": "arrow",
           "polars.DataFrame": "polars", "polars.Series": "polars-series"}  # fmt: skip
"""Type → what the manifest calls the library that gave the table."""


class _Table(Format):
    """A table in a file that Arrow writes. What it is read back as is compared when it is written.

    A DataFrame and a Series of pandas come back as they were: see `atlas.formats.frames`.
    """

    shows = "table"

    def write_trusting(self, value: Any, path: Path, trust: Trust) -> Facts:
        """Write a table, and compare the structure of the file with it."""
        from atlas.formats.frames import as_written
        from atlas.formats.structure import proven

        library = _library(value)
        if library not in ("pandas", "series"):
            return self._write_other(value, path, library)
        frame, facts = _frame_of(value, library, trust)
        written = as_written(frame, trust)
        self.write_table(_arrow_of(written), path)
        whole = proven(frame, self.schema(path).empty_table(), written.facts, trust)
        return {**facts, **whole}

    def _write_other(self, value: Any, path: Path, library: str) -> Facts:
        """Write a table of pyarrow's or polars', or a column of polars'."""
        if library == "arrow":
            self.write_table(value, path)
            _compare(value.schema, self.schema(path), self.name)
            return {"library": library}
        is_column = library == "polars-series"
        # Arrow has columns without a name, and polars takes none of them back.
        frame = value.to_frame(value.name or "values") if is_column else value
        self.write_table(frame.to_arrow(), path)
        _compare_polars(frame, self.schema(path))
        return {"library": library, **({"name": value.name} if is_column else {})}

    def read_trusting(self, path: Path, facts: Facts, trust: Trust) -> Any:
        """Read into what the table was."""
        from atlas.formats.frames import restored
        from atlas.formats.unpacking import unpacked

        table = self.read_table(path)
        if "frame" not in facts:
            return _from_arrow(table, facts)
        frame = restored(table, facts, trust)
        if facts["library"] == "pandas":
            return frame
        series = frame.iloc[:, 0]
        series.name = unpacked(facts["name"], trust)
        series.attrs = frame.attrs
        return series

    def write(self, value: Any, path: Path) -> Facts:
        """Write a table."""
        return self.write_trusting(value, path, Trust())

    def read(self, path: Path, facts: Facts) -> Any:
        """Read a table."""
        return self.read_trusting(path, facts, Trust())

    def write_table(self, table: Any, path: Path) -> None:
        """Write pyarrow's table."""
        raise NotImplementedError

    def read_table(self, path: Path) -> Any:
        """Return pyarrow's table."""
        raise NotImplementedError

    def schema(self, path: Path) -> Any:
        """Return the schema that a file was written with, as a reader finds it."""
        raise NotImplementedError


class Parquet(_Table):
    """A table or a column, in Parquet: DataFrame and Series of pandas and of polars."""

    name = "parquet"
    suffix = ".parquet"
    proves_itself = True
    types: ClassVar[WiderTypes] = {
        "pandas.DataFrame": ("Collection",),
        "pandas.Series": ("Collection",),
        "polars.DataFrame": (),
        "polars.Series": (),
    }
    aliases: ClassVar[Mapping[str, str]] = {
        "pandas.core.frame.DataFrame": "pandas.DataFrame",
        "pandas.core.series.Series": "pandas.Series",
        "polars.dataframe.frame.DataFrame": "polars.DataFrame",
        "polars.series.series.Series": "polars.Series",
    }

    def write_table(self, table: Any, path: Path) -> None:
        """Write Parquet."""
        from pyarrow import parquet

        parquet.write_table(table, path)

    def read_table(self, path: Path) -> Any:
        """Read Parquet."""
        from pyarrow import parquet

        with parquet.ParquetFile(path, memory_map=True) as file:
            return file.read()

    def schema(self, path: Path) -> Any:
        """Read the end of the file."""
        from pyarrow import parquet

        with parquet.ParquetFile(path, memory_map=True) as file:
            return file.schema_arrow


class Arrow(_Table):
    """A table as an Arrow IPC file: no compression, read without a copy."""

    name = "arrow"
    suffix = ".arrow"
    proves_itself = True
    types: ClassVar[WiderTypes] = {"pyarrow.Table": ()}
    aliases: ClassVar[Mapping[str, str]] = {"pyarrow.lib.Table": "pyarrow.Table"}

    def write_table(self, table: Any, path: Path) -> None:
        """Write an Arrow file."""
        import pyarrow

        with pyarrow.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)

    def read_table(self, path: Path) -> Any:
        """Map the file into memory."""
        import pyarrow

        return pyarrow.ipc.open_file(pyarrow.memory_map(str(path))).read_all()

    def schema(self, path: Path) -> Any:
        """Read the end of the file."""
        import pyarrow

        return pyarrow.ipc.open_file(pyarrow.memory_map(str(path))).schema


def _library(value: Any) -> str:
    """Return what the manifest calls the library of a table.

    Raises:
        StoreError: it isn't a table, or of a subclass, which wouldn't come back.
    """
    name, names = type_name(value), ancestry(value)
    known = next((table for table in _TABLES if table in names), "")
    if not known:
        found = f"found {article(name)}"
        raise StoreError(f"{found}; expected a DataFrame, a Series or a pyarrow Table")
    if name != known and known.startswith("pandas."):
        plain = known.removeprefix("pandas.")
        raise StoreError(
            f"{article(name)} would come back as a plain {known}; return pandas.{plain}(…) of "
            "it, or register a format of your own"
        )
    return _TABLES[known]


def _frame_of(value: Any, library: str, trust: Trust) -> tuple[Any, dict[str, Any]]:
    """Return a table as a DataFrame, and what makes the original of that."""
    if library == "pandas":
        return value, {"library": library}
    from atlas.formats.packing import packed

    name = packed(value.name, trust, "the name of the Series")
    frame = value.to_frame("values" if type(value.name) is not str else value.name)
    frame.attrs = value.attrs
    return frame, {"library": library, "name": name}


def _arrow_of(written: Written) -> Any:
    import pyarrow

    try:
        table = pyarrow.Table.from_pandas(written.frame, preserve_index=False)
    except (pyarrow.ArrowException, OverflowError) as error:
        raise StoreError(f"{' '.join(map(str, error.args))}; convert that column first") from error
    if not written.extras:
        return table
    own = {name.encode(): content for name, content in written.extras.items()}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **own})


def _compare(given: Any, returned: Any, format: str) -> None:
    """Compare schemas of Arrow.

    Raises:
        StoreError: they differ.
    """
    if given.names != returned.names:
        raise StoreError(f"its columns would come back as {returned.names}, and are {given.names}")
    for name, given_type, returned_type in zip(
        given.names, given.types, returned.types, strict=True
    ):
        if given_type != returned_type:
            hint = "" if format == "arrow" else '; the format "arrow" keeps it'
            raise StoreError(
                f"column {name!r} is {given_type}, and would come back as {returned_type}{hint}"
            )


def _compare_polars(value: Any, returned: Any) -> None:
    """Compare a table of Polars with what its file's schema gives: Arrow has types that it hasn't.

    Raises:
        StoreError: they differ.
    """
    import polars

    back = polars.from_arrow(returned.empty_table())
    for name, kind in value.schema.items():
        if back.schema.get(name) != kind:
            found = f"column {name!r} is {kind}, and would come back as {back.schema.get(name)}"
            raise StoreError(f"{found}; convert that column first")


def _from_arrow(table: Any, facts: Facts) -> Any:
    """Return a table of pyarrow's or polars', or one that was written before there were facts."""
    library = facts.get("library")
    if library == "arrow":
        return table
    if library in ("polars", "polars-series"):
        import polars

        frame = polars.from_arrow(table)
        return frame.to_series().alias(facts["name"]) if "name" in facts else frame
    frame = table.to_pandas()
    if library != "series":
        return frame
    series = frame.iloc[:, 0]
    return series.rename(None) if facts.get("unnamed") else series
