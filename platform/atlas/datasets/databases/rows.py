"""Which rows of a table are a run's: those of its member's axes, and of its interval."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from atlas.datasets.databases.columns import is_boolean, python_type
from atlas.datasets.databases.queries import MYSQL, SQLITE, moment
from atlas.datasets.partitions import INTERVAL, REPLACE, axis_of, no_interval
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.datasets.databases.source import SqlSource
    from atlas.datasets.fields import RunFacts

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_OF_TEXT: dict[type, Any] = {
    int: int,
    float: float,
    Decimal: Decimal,
    datetime.date: datetime.date.fromisoformat,
    bool: lambda text: _BOOLEANS[text.lower()],
}
"""How the text of an axis becomes a value of a column's type."""


def conditions(
    source: SqlSource, table: Any, dialect: str, facts: RunFacts, *, strict: bool
) -> Iterator[Any]:
    """Give the conditions of the run's partition; of a lax one, those that have a value.

    Raises:
        StoreError: the table lacks a column, or the run an interval; or an axis's value or a moment
            can't be in its column.
    """
    if strict:
        check_partition(source.partition, source.mode, facts)
    wanted = [*source.partition, *([INTERVAL] if source.mode == REPLACE and strict else [])]
    for placeholder in dict.fromkeys(wanted):
        axis = axis_of(placeholder)
        if axis and facts.axes.get(axis):
            column = _column(table, axis)
            yield same(column, _as_column(facts.axes[axis], column), dialect)
        elif not axis and facts.start:
            yield from _between(_column(table, source.time), facts, dialect)


def _between(column: Any, facts: RunFacts, dialect: str) -> Iterator[Any]:
    """Give the conditions that a column's moments are in a run's interval."""
    from sqlalchemy import String, func, literal

    if python_type(column) in (int, float, Decimal, bool, bytes):
        text = f"column '{column.name}' is {column.type}, expected a date or a time"
        raise StoreError(f"{text}; a query can convert it")
    bounds = [moment(at, dialect) for at in (facts.start, facts.end or facts.start)]
    if dialect == SQLITE:  # Its moments are texts: of a day, with a T, of a zone.
        low, high = (literal(bound, String()) for bound in bounds)
        column = func.datetime(column)
    else:
        low, high = map(literal, bounds)
    yield column >= low
    yield column < high


def same(column: Any, value: Any, dialect: str) -> Any:
    """Return the condition that a column has just this value; a text in MySQL ignores case else."""
    from sqlalchemy import BINARY, String, and_, cast, literal
    from sqlalchemy.dialects import mysql

    equal = column == value
    if dialect not in MYSQL or not isinstance(column.type, String):
        return equal
    text = cast(column, mysql.CHAR(charset="utf8mb4"))
    wanted = literal(value, String()) if isinstance(value, str) else value
    return and_(equal, cast(text, BINARY) == cast(wanted, BINARY))


def check_partition(partition: Sequence[str], mode: str, facts: RunFacts) -> None:
    """Refuse a run that hasn't what its partition names."""
    for placeholder in partition:
        axis = axis_of(placeholder)
        if axis and not facts.axes.get(axis):
            text = f"partition: {placeholder} has no value: the pipeline isn't a member of it"
            raise StoreError(text)
    if (INTERVAL in partition or mode == REPLACE) and not facts.start:
        raise StoreError(no_interval(" whose rows it could replace"))


def check_rows(source: SqlSource, frame: Any, facts: RunFacts) -> None:
    """Refuse rows that the next try wouldn't replace, as they aren't of the run's partition."""
    wanted = [*source.partition, *([INTERVAL] if source.mode == REPLACE else [])]
    for placeholder in dict.fromkeys(wanted):
        axis = axis_of(placeholder)
        column = axis or source.time
        if not (facts.axes.get(axis) if axis else facts.start):
            continue
        if column not in frame.columns:
            known = ", ".join(map(str, frame.columns))
            raise StoreError(clean(f"{source.name}: no column '{column}'; it has {known}", 300))
        is_own = _equal(frame[column], facts.axes[axis]) if axis else _within(frame[column], facts)
        if not is_own.all():
            text = f"{int((~is_own).sum())} rows aren't of the run's {placeholder}"
            raise StoreError(f"{source.name}: {text}, by their column '{column}'")


def _equal(column: Any, text: str) -> Any:
    """Return which values are that of an axis, a text: numbers as numbers."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_bool_dtype(column.dtype):
        return (column.astype(str).str.lower() == text.lower()).astype(bool)
    if is_numeric_dtype(column.dtype):
        try:
            wanted = float(text)
        except ValueError:
            wanted = float("nan")  # No number is.
        return (column == wanted).fillna(False).astype(bool)
    return column.astype(str) == text


def _within(column: Any, facts: RunFacts) -> Any:
    """Return which moments are in a run's interval; those without a zone are in UTC."""
    import pandas

    moments = pandas.to_datetime(column, utc=True)
    start, end = (
        pandas.to_datetime(at, utc=True) for at in (facts.start, facts.end or facts.start)
    )
    return (moments >= start) & (moments < end)


def _column(table: Any, name: str) -> Any:
    if name not in table.columns:
        known = ", ".join(table.columns.keys())
        raise StoreError(clean(f"no column '{name}'; it has {known}", 300))
    return table.columns[name]


def _as_column(text: str, column: Any) -> Any:
    """Return an axis's value as a column has it.

    Raises:
        StoreError: the column can't have it.
    """
    if is_boolean(column) and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    convert = _OF_TEXT.get(python_type(column))
    try:
        return convert(text) if convert else text
    except (ValueError, ArithmeticError, KeyError):
        found = f"the axis has '{clean(text, 80)}'"
        raise StoreError(
            f"partition: column '{column.name}' is {column.type}, and {found}"
        ) from None
