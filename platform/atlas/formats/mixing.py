"""Two tables of the same rows: how far they agree, and one table with rows of both."""

from __future__ import annotations

import math
from hashlib import blake2b
from importlib import import_module
from typing import TYPE_CHECKING, Any

from atlas.formats.stamping import column_names, library_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_SPACE = 1 << 64
"""How many values a row's hash has."""


def column_types(table: Any) -> list[tuple[str, str]]:
    """Return the names and types of a table's columns."""
    types = table.schema.types if library_of(table) == "arrow" else table.dtypes
    return [(str(name), str(kind)) for name, kind in zip(column_names(table), types, strict=True)]


def values_of(table: Any, column: str) -> list[Any]:
    """Return a column as plain values of Python's."""
    return list(table[column].to_pylist() if library_of(table) == "arrow" else table[column])


def chosen_rows(keys: Iterable[Any], share: float, salt: str) -> list[bool]:
    """Choose a share of rows by their keys: always the same ones, and all rows of a key or none.

    Args:
        keys: a value for each row.
        share: from 0, no row, to 1, every row.
        salt: makes the choices of two models independent of each other.
    """
    below, person = round(share * _SPACE), blake2b(salt.encode(), digest_size=16).digest()
    return [_hash(key, person) < below for key in keys]


def _hash(key: Any, person: bytes) -> int:
    content = str(key).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=8, person=person).digest(), "big")


def mixed(table: Any, other: Any, rows: Sequence[bool]) -> Any:
    """Return a table with some rows of another one, which has the same columns.

    Args:
        table: the table.
        other: the other.
        rows: for each row, whether it is the other's.
    """
    own = [number for number, is_other in enumerate(rows) if not is_other]
    others = [number for number, is_other in enumerate(rows) if is_other]
    places = sorted(range(len(rows)), key=[*own, *others].__getitem__)
    return _MIXING[library_of(table)](table, other, (own, others, places))


def _mixed_pandas(table: Any, other: Any, rows: tuple[Any, Any, Any]) -> Any:
    import pandas

    own, others, places = rows
    parts = [part for part in (table.iloc[own], other.iloc[others]) if len(part)]
    joined = (pandas.concat(parts) if parts else table).iloc[places]
    joined.attrs = table.attrs
    return joined


def _mixed_arrow(table: Any, other: Any, rows: tuple[Any, Any, Any]) -> Any:
    import pyarrow

    own, others, places = (pyarrow.array(numbers, pyarrow.int64()) for numbers in rows)
    return pyarrow.concat_tables([table.take(own), other.take(others)]).take(places)


def _mixed_polars(table: Any, other: Any, rows: tuple[Any, Any, Any]) -> Any:
    own, others, places = rows
    return import_module("polars").concat([table[own], other[others]])[places]


_MIXING = {"pandas": _mixed_pandas, "arrow": _mixed_arrow, "polars": _mixed_polars}


def agreement(table: Any, other: Any, columns: Collection[str]) -> dict[str, float]:
    """Return how far two tables of the same rows agree.

    Args:
        table: the table.
        other: the other.
        columns: which to compare; both have them.

    Returns:
        ``agreement.<column>``: the share of rows with equal values, where missing equals missing;
        ``difference.<column>``: the mean of the other's numbers less the table's, over the rows in
        which both are finite; ``agreement``: the share of rows that are equal in every column.
    """
    compared = {column: _compared(table, other, column) for column in columns}
    found: dict[str, float] = {}
    for column, (same, gaps) in compared.items():
        found |= {f"agreement.{column}": _mean(same)} if len(same) else {}
        found |= {f"difference.{column}": _mean(gaps)} if len(gaps) else {}
    if not compared or not len(table):
        return found
    whole = [all(row) for row in zip(*(same for same, _ in compared.values()), strict=True)]
    return {"agreement": _mean(whole), **found}


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _compared(table: Any, other: Any, column: str) -> tuple[Sequence[bool], Sequence[float]]:
    """Return which rows are equal in a column, and the differences of those that are finite."""
    if library_of(table) == "pandas" and table[column].dtype.kind in "iuf":
        return _compared_numbers(table[column].to_numpy(float), other[column].to_numpy(float))
    pairs = list(zip(values_of(table, column), values_of(other, column), strict=True))
    gaps = [float(theirs) - float(own) for own, theirs in pairs if _finite(own, theirs)]
    return [_equal(*pair) for pair in pairs], gaps


def _compared_numbers(own: Any, others: Any) -> tuple[Sequence[bool], Sequence[float]]:
    import numpy

    same = (own == others) | (numpy.isnan(own) & numpy.isnan(others))
    are_finite = numpy.isfinite(own) & numpy.isfinite(others)
    return same.tolist(), (others[are_finite] - own[are_finite]).tolist()


def _equal(own: Any, other: Any) -> bool:
    if _is_missing(own) or _is_missing(other):
        return _is_missing(own) and _is_missing(other)
    same = own == other
    return bool(same.all()) if hasattr(same, "all") else bool(same)


def _is_missing(value: Any) -> bool:
    """Tell whether a value is none, or not equal to itself, as NaN and NaT are not."""
    if value is None or type(value).__name__ == "NAType":
        return True
    same = value == value  # noqa: PLR0124
    return same is False or (type(same).__name__ == "bool" and not same)


def _finite(*values: Any) -> bool:
    return all(
        hasattr(value, "__float__")
        and not isinstance(value, bool)
        and type(value).__name__ != "bool_"
        and not _is_missing(value)
        and math.isfinite(float(value))
        for value in values
    )


def comparable(table: Any, other: Any) -> str:
    """Return why two tables can't be of the same rows and columns; nothing where they can."""
    if library_of(table) != library_of(other):
        return f"it is a table of {library_of(other) or 'no library'}, expected {library_of(table)}"
    if len(table) != len(other):
        return f"it has {len(other)} rows, expected {len(table)}"
    own, others = column_types(table), column_types(other)
    if own != others:
        return f"its columns are {_shown(others)}; expected {_shown(own)}"
    return ""


def _shown(types: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in types)[:300]
