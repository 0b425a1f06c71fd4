"""A measured figure, its bound, and the table of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its bound.

    Attributes:
        name: what was measured.
        value: the figure.
        bound: what it may be; None for a figure that is shown only.
        unit: of both (``s``, ``MB``, ``x`` for a ratio).
        ok: whether the figure is within the bound.
    """

    name: str
    value: float
    bound: float | None
    unit: str
    ok: bool


def at_most(name: str, value: float, bound: float, unit: str) -> Row:
    """Return a row whose figure may not exceed its bound."""
    return Row(name, value, bound, unit, value <= bound)


def shown(name: str, value: float, unit: str) -> Row:
    """Return a row without a bound, to compare with."""
    return Row(name, value, None, unit, True)


def as_table(rows: list[Row]) -> str:
    """Return the rows in columns, the figures that break their bound marked."""
    cells = [("measured", "value", "bound", "unit", ""), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def _cells(row: Row) -> tuple[str, ...]:
    """Return a row's cells."""
    bound = "-" if row.bound is None else f"{row.bound:.4g}"
    return row.name, f"{row.value:.4g}", bound, row.unit, "" if row.ok else "TOO MUCH"
