"""Columns on their way to a database and back: what type each gets, and what would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.datasets.databases.queries import MYSQL, POSTGRESQL, SQLITE
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EXACT = 2**63
"""The first whole number that a database's largest type of them has no place for."""


def table_of(rows: Sequence[Any], names: Sequence[str], booleans: Sequence[str] = ()) -> Any:
    """Return rows as a DataFrame.

    Whole numbers and booleans stay what they are where some are missing (``Int64``, ``boolean``);
    decimals stay exact, as ``Decimal``; moments with a zone are in UTC; a UUID is a text.

    Args:
        rows: the rows.
        names: of their columns.
        booleans: columns that MySQL has as numbers, 0 and 1.

    Raises:
        StoreError: two columns have one name.
    """
    import pandas

    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise StoreError(f"two columns are called '{clean(twice, 80)}'; name one of them with AS")
    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    found = {name: _column(values) for name, values in zip(names, columns, strict=True)}
    for name in booleans:
        if name in found and set(found[name].dropna()) <= {0, 1}:
            kind = "boolean" if found[name].isna().any() else "bool"
            found[name] = found[name].astype(kind)
    return pandas.DataFrame(found, index=pandas.RangeIndex(len(rows)))


def _column(values: Sequence[Any]) -> Any:
    """Return one column's values as a Series."""
    import pandas

    plain = pandas.Series(values, dtype=object)
    kind = str(pandas.api.types.infer_dtype(plain, skipna=True))
    if kind in ("datetime", "datetime64"):
        return _moments(plain)
    if kind in ("decimal", "bytes", "date", "time") or not len(plain):
        return plain
    if any(type(value).__name__ == "UUID" for value in values):
        plain = plain.map(str, na_action="ignore")
    if kind in ("integer", "boolean") and plain.isna().any():
        return _with_missing(plain, kind)
    return plain.infer_objects()


def _with_missing(plain: Any, kind: str) -> Any:
    if kind == "boolean":
        return plain.astype("boolean")
    return plain.astype("UInt64" if plain.dropna().max() >= _EXACT else "Int64")


def _moments(plain: Any) -> Any:
    """Return datetimes as one column: those with a zone in UTC."""
    import pandas

    try:
        return pandas.to_datetime(plain, utc=_has_zone(plain))
    except (ValueError, OverflowError):
        return plain


def _has_zone(column: Any) -> bool:
    """Tell whether a column of datetimes has a zone."""
    if getattr(column.dtype, "tz", None):
        return True
    present = column.dropna()
    return bool(len(present)) and getattr(present.iloc[0], "tzinfo", None) is not None


def kind_of(column: Any) -> str:
    """Return what a column holds, in pandas's words; ``zoned`` for moments with a zone."""
    from pandas.api import types

    categories = getattr(column.dtype, "categories", None)
    plain = column if categories is None else column.astype(categories.dtype)
    kind = str(types.infer_dtype(plain, skipna=True))
    is_moment = kind in ("datetime", "datetime64")
    return ("zoned" if _has_zone(plain) else "datetime64") if is_moment else kind


def prepared(frame: Any, dialect: str) -> Any:
    """Return a frame as a database takes it: moments with a zone are in UTC.

    Where there are no zones (SQLite, MySQL), they become moments without one.

    Raises:
        StoreError: the database has no place for a column's values.
    """
    import pandas

    changed: dict[str, Any] = {}
    for name in frame.columns:
        column, kind = frame[name], kind_of(frame[name])
        if kind in ("timedelta64", "timedelta"):
            text = f"column '{name}': a database has no durations"
            raise StoreError(f"{text}; frame['{name}'].dt.total_seconds() makes numbers of them")
        if kind == "decimal" and dialect == SQLITE:
            text = f"column '{name}': SQLite has no decimals"
            raise StoreError(f"{text}; astype(float) or astype(str) it")
        if kind in ("zoned", "datetime64"):
            moments = pandas.to_datetime(column, utc=kind == "zoned")
            is_kept = kind != "zoned" or dialect == POSTGRESQL
            changed[name] = moments if is_kept else moments.dt.tz_localize(None)
    return frame.assign(**changed)


def types_of(frame: Any) -> dict[str, Any]:
    """Return SQLAlchemy's type of each column, where all of its rows are looked at.

    Raises:
        StoreError: a column holds what no type of a database has.
    """
    from sqlalchemy import types

    kinds = _types()
    found: dict[str, Any] = {}
    for name in frame.columns:
        kind = kind_of(frame[name])
        if kind not in kinds:
            text = f"column '{name}': found values that are {kind}; expected one kind of texts"
            raise StoreError(
                f"{text}, numbers, booleans, moments, dates or bytes; json.dumps makes a text of "
                "anything else"
            )
        found[name] = kinds[kind] or types.Text()
    return found


def _types() -> Mapping[str, Any]:
    """Return pandas's words and the types for them; MySQL's own would cut or round what is long."""
    from sqlalchemy import types
    from sqlalchemy.dialects import mysql

    text = types.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), *MYSQL)
    moment = types.DateTime().with_variant(mysql.DATETIME(fsp=6), *MYSQL)
    number = types.Double()
    return {
        "string": text, "empty": text, "integer": types.BigInteger(), "floating": number,
        "mixed-integer-float": number, "boolean": types.Boolean(), "datetime64": moment,
        "zoned": types.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), *MYSQL),
        "date": types.Date(), "time": types.Time().with_variant(mysql.TIME(fsp=6), *MYSQL),
        "bytes": types.LargeBinary().with_variant(mysql.LONGBLOB(), *MYSQL),
        "decimal": types.Numeric().with_variant(mysql.DECIMAL(65, 30), *MYSQL),
    }  # fmt: skip


def python_type(column: Any) -> type:
    """Return what Python has for a column's values; ``object`` where its type says nothing."""
    try:
        return column.type.python_type  # type: ignore[no-any-return]
    except NotImplementedError:
        return object


def is_boolean(column: Any) -> bool:
    """Tell whether a column holds what MySQL calls BOOLEAN: numbers, of one digit."""
    return getattr(column.type, "display_width", None) == 1


def fitted(frame: Any, table: Any) -> Any:
    """Return a frame as a table's columns take it; what they would round is refused.

    Raises:
        StoreError: a fraction is to go into a column of whole numbers, or a time into one of dates.
    """
    import datetime

    changed: dict[str, Any] = {}
    for name in frame.columns:
        there, column = python_type(table.columns[name]), frame[name]
        if there is int and column.dtype.kind == "f":
            odd = column[column.notna() & (column % 1 != 0)]
            if len(odd):
                raise StoreError(_would_round(name, table, odd.iloc[0], "round it in the step"))
            changed[name] = column.astype("Int64")
        elif there is datetime.date and column.dtype.kind == "M":
            odd = column[column.notna() & (column != column.dt.normalize())]
            if len(odd):
                way = f"frame['{name}'].dt.date makes dates of them"
                raise StoreError(_would_round(name, table, odd.iloc[0], way))
    return frame.assign(**changed)


def _would_round(name: str, table: Any, value: Any, way: str) -> str:
    kind = table.columns[name].type
    return f"column '{name}' is {kind} there, and has no place for {value}; {way}"
