"""Columns that Atlas adds to tables: one value in every row, in pandas, pyarrow and polars."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.formats.format import ancestry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LIBRARIES = {
    "pandas.DataFrame": "pandas", "pyarrow.Table": "arrow", "polars.DataFrame": "polars",
}  # fmt: skip
TEXT, MOMENT = "text", "moment"
"""What a column holds: texts, or times in UTC, to the microsecond."""


def is_table(value: Any) -> bool:
    """Tell whether a value is a table that columns can be added to."""
    return bool(library_of(value))


def library_of(value: Any) -> str:
    """Return the library that a table is of: ``pandas``, ``arrow`` or ``polars``; else nothing."""
    return next((_LIBRARIES[name] for name in ancestry(value) if name in _LIBRARIES), "")


def column_names(table: Any) -> list[Any]:
    """Return the names of a table's columns."""
    names = table.column_names if library_of(table) == "arrow" else table.columns
    return list(names)


def with_columns(table: Any, columns: Mapping[str, tuple[str, str]]) -> Any:
    """Return a table with more columns; the table itself stays as it is.

    Args:
        table: a table without columns of these names.
        columns: name → what it holds (`TEXT` or `MOMENT`), and the value of every row; a moment is
            in ISO 8601, and an empty one is missing in every row.
    """
    added = {name: (kind, _value(kind, text)) for name, (kind, text) in columns.items()}
    return _ADDING[library_of(table)](table, added)


def _value(kind: str, text: str) -> Any:
    if kind == TEXT:
        return text
    return datetime.fromisoformat(text) if text else None


def _in_pandas(table: Any, columns: Mapping[str, tuple[str, Any]]) -> Any:
    import pandas

    dtypes = {TEXT: "str", MOMENT: "datetime64[us, UTC]"}
    return table.assign(
        **{
            name: pandas.Series(value, index=table.index, dtype=dtypes[kind])
            for name, (kind, value) in columns.items()
        }
    )


def _in_arrow(table: Any, columns: Mapping[str, tuple[str, Any]]) -> Any:
    import pyarrow

    types = {TEXT: pyarrow.string(), MOMENT: pyarrow.timestamp("us", tz="UTC")}
    for name, (kind, value) in columns.items():
        scalar = pyarrow.scalar(value, types[kind])
        table = table.append_column(name, pyarrow.repeat(scalar, table.num_rows))
    return table


def _in_polars(table: Any, columns: Mapping[str, tuple[str, Any]]) -> Any:
    from importlib import import_module

    polars = import_module("polars")
    types = {TEXT: polars.String(), MOMENT: polars.Datetime("us", "UTC")}
    return table.with_columns(
        polars.lit(value, dtype=types[kind]).alias(name) for name, (kind, value) in columns.items()
    )


_ADDING: Mapping[str, Callable[[Any, Mapping[str, tuple[str, Any]]], Any]] = {
    "pandas": _in_pandas,
    "arrow": _in_arrow,
    "polars": _in_polars,
}
