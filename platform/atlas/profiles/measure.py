"""Profiles of tables: a reference chooses where columns are counted, batches are counted there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.profiles.columns import BOOLEAN, COUNTED, Column, read
from atlas.profiles.profile import CELLS, CUTS, UNSEEN, Feature, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy import ndarray

    Array = ndarray[Any, Any]


def reference(columns: Mapping[str, Any]) -> Profile:
    """Return the profile of the rows that a model is trained on.

    Args:
        columns: a column's name → its values, as `atlas.profiles.columns.read` takes them. Each is
            read once, one at a time: a mapping that reads a file's columns as they are asked for
            keeps one in memory.
    """
    return Profile({name: _first(name, read(columns[name])) for name in columns})


def batch(columns: Mapping[str, Any], beside: Profile) -> Profile:
    """Return the profile of later rows, counted where a reference is.

    Args:
        columns: as for `reference`. Those that the reference doesn't have are left out.
        beside: the reference. What it has and the rows don't is left out as well.
    """
    return Profile(
        {
            name: _later(read(columns[name], feature.kind), feature)
            for name, feature in beside.features.items()
            if name in columns
        }
    )


def _first(name: str, column: Column) -> Feature:
    import numpy

    counted = column.kind in COUNTED
    cells = _cells(column) if counted else ()
    cuts = numpy.empty(0) if counted else _cuts(column.values)
    return _feature(name, column, cuts, cells)


def _later(column: Column, beside: Feature) -> Feature:
    return _feature(beside.name, column, beside.cuts, beside.cells)


def _feature(name: str, column: Column, cuts: Array, cells: tuple[str, ...]) -> Feature:
    counted = column.kind in COUNTED
    values = column.values
    return Feature(
        name=name,
        kind=column.kind,
        rows=column.rows,
        missing=column.missing,
        foreign=column.foreign,
        cuts=cuts,
        cells=cells,
        counts=_by_cell(column, cells) if counted else _by_cut(values, cuts),
        low=float(values[0]) if len(values) else float("nan"),
        high=float(values[-1]) if len(values) else float("nan"),
        unseen=_unseen(column, cells),
        distinct=len(column.counts),
    )


def _cuts(values: Array) -> Array:
    """Return all different values of sorted ones if they are few, else quantiles."""
    import numpy

    different = (
        values[numpy.concatenate(([True], values[1:] != values[:-1]))] if len(values) else values
    )
    if len(different) <= CUTS:
        return different
    return numpy.unique(values[numpy.linspace(0, len(values) - 1, CUTS).astype(numpy.int64)])


def _by_cut(values: Array, cuts: Array) -> Array:
    import numpy

    below = numpy.searchsorted(values, cuts, side="right")
    return numpy.diff(numpy.concatenate(([0], below, [len(values)]))).astype(numpy.int64)


def _cells(column: Column) -> tuple[str, ...]:
    """Return the most frequent categories, by name."""
    if column.kind == BOOLEAN:
        return ("false", "true")
    frequent = sorted(column.counts, key=lambda label: (-column.counts[label], label))[:CELLS]
    return tuple(sorted(frequent))


def _by_cell(column: Column, cells: tuple[str, ...]) -> Array:
    import numpy

    counts = [column.counts.get(cell, 0) for cell in cells]
    return numpy.array([*counts, sum(column.counts.values()) - sum(counts)], dtype=numpy.int64)


def _unseen(column: Column, cells: tuple[str, ...]) -> dict[str, int]:
    others = set(column.counts).difference(cells)
    frequent = sorted(others, key=lambda label: (-column.counts[label], label))[:UNSEEN]
    return {label: column.counts[label] for label in frequent}
