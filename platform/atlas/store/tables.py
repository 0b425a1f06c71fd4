"""Formats of tables and arrays; their libraries are imported when a value needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.store.format import Facts, Format, ancestry

if TYPE_CHECKING:
    from pathlib import Path

_TABLES = {"pandas.DataFrame": "pandas", "pandas.Series": "series", "pyarrow.Table": "arrow",
           "polars.DataFrame": "polars"}  # fmt: skip
"""Type → what the manifest calls the library that gave the table."""


class Parquet(Format):
    """A table or a column, in Parquet: pandas' DataFrame and Series, polars' DataFrame."""

    name = "parquet"
    suffix = ".parquet"

    def accepts(self, value: Any) -> bool:
        """Take tables of pandas and polars."""
        return bool(ancestry(value) & {"pandas.DataFrame", "pandas.Series", "polars.DataFrame"})

    def write(self, value: Any, path: Path) -> Facts:
        """Write with pyarrow, or polars with its own."""
        from pyarrow import parquet

        library, table = _as_arrow(value)
        parquet.write_table(table, path)
        return _facts_of(value, library)

    def read(self, path: Path, facts: Facts) -> Any:
        """Read into what the table was."""
        from pyarrow import parquet

        with parquet.ParquetFile(path, memory_map=True) as file:
            return _from_arrow(file.read(), facts)


class Arrow(Format):
    """A table as an Arrow IPC file: no compression, read without a copy."""

    name = "arrow"
    suffix = ".arrow"

    def accepts(self, value: Any) -> bool:
        """Take tables of pyarrow."""
        return "pyarrow.Table" in ancestry(value)

    def write(self, value: Any, path: Path) -> Facts:
        """Write the table's batches."""
        import pyarrow

        library, table = _as_arrow(value)
        with pyarrow.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
        return _facts_of(value, library)

    def read(self, path: Path, facts: Facts) -> Any:
        """Map the file into memory."""
        import pyarrow

        return _from_arrow(pyarrow.ipc.open_file(pyarrow.memory_map(str(path))).read_all(), facts)


class Npy(Format):
    """A numpy array, without pickle."""

    name = "npy"
    suffix = ".npy"

    def accepts(self, value: Any) -> bool:
        """Take arrays."""
        return "numpy.ndarray" in ancestry(value)

    def write(self, value: Any, path: Path) -> Facts:
        """Write the array; one of objects is refused."""
        import numpy

        with path.open("wb") as file:
            numpy.save(file, value, allow_pickle=False)
        return {}

    def read(self, path: Path, facts: Facts) -> Any:
        """Read the array."""
        import numpy

        return numpy.load(path, allow_pickle=False)


FORMATS: tuple[Format, ...] = (Parquet(), Arrow(), Npy())
"""The formats of this module, in the order in which they are asked."""


def _as_arrow(value: Any) -> tuple[str, Any]:
    """Return the table's library and the table as Arrow's."""
    import pyarrow

    names = ancestry(value)
    library = next((_TABLES[name] for name in _TABLES if name in names), "")
    if library == "pandas":
        return library, pyarrow.Table.from_pandas(value)
    if library == "series":
        return library, pyarrow.Table.from_pandas(value.to_frame(_column_of(value)))
    if library == "polars":
        return library, value.to_arrow()
    return library, value


def _column_of(series: Any) -> str:
    return "values" if series.name is None else str(series.name)


def _facts_of(value: Any, library: str) -> Facts:
    if library == "series":
        return {"library": library, "unnamed": value.name is None}
    return {"library": library}


def _from_arrow(table: Any, facts: Facts) -> Any:
    library = facts.get("library")
    if library == "arrow":
        return table
    if library == "polars":
        import polars  # type: ignore[import-not-found]

        return polars.from_arrow(table)
    frame = table.to_pandas()
    if library != "series":
        return frame
    series = frame.iloc[:, 0]
    return series.rename(None) if facts.get("unnamed") else series
