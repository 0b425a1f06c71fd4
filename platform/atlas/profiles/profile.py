"""Counts of a table's columns, which add up over batches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.profiles.columns import COUNTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy import ndarray

    Array = ndarray[Any, Any]

CUTS = 1023
"""Most cut points of a column: 1,024 counts."""
CELLS = 256
"""Most categories of a column that are counted each."""
UNSEEN = 100
"""Most categories, not seen in the reference, whose names a profile keeps."""


@dataclass(frozen=True, slots=True)
class Feature:
    """What one column looks like.

    Attributes:
        name: the column.
        kind: ``number``, ``boolean``, ``time``, ``category`` or ``text``.
        rows: rows of the table, or of all tables that were added up.
        missing: rows without a value.
        foreign: rows with a value of another kind.
        cuts: cut points, ascending; empty where values are counted.
        cells: categories that are counted each; empty where there are cut points.
        counts: rows up to and with each cut point from the one before, and rows above the last; or
            rows of each category, and of all others.
        low: the smallest value; NaN where there is none.
        high: the largest.
        unseen: names of categories beyond `cells`, with their rows.
        distinct: different categories in the rows, those of `cells` among them; the larger one
            where profiles were added up. 0 where there are cut points.
        error: by how much a share of rows up to a cut point may be off: 0 but for profiles of
            different cut points that were added up.
    """

    name: str
    kind: str
    rows: int
    missing: int
    foreign: int
    cuts: Array
    cells: tuple[str, ...]
    counts: Array
    low: float
    high: float
    unseen: Mapping[str, int]
    distinct: int = 0
    error: float = 0.0

    @property
    def present(self) -> int:
        """Rows that were counted."""
        return self.rows - self.missing - self.foreign

    def fits(self, other: Feature) -> bool:
        """Tell whether both are counted at the same places."""
        import numpy

        return (self.kind, self.cells) == (other.kind, other.cells) and numpy.array_equal(
            self.cuts, other.cuts
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """What the columns of a table look like, in their order.

    Attributes:
        features: a column's name → what it looks like.
    """

    features: Mapping[str, Feature]

    def __add__(self, other: Profile) -> Profile:
        """Return the profile of both tables' rows.

        Raises:
            ProfileError: they have different columns, or a column is of two kinds.
        """
        if set(self.features) != set(other.features):
            names = ", ".join(sorted(set(self.features) ^ set(other.features)))
            raise ProfileError(
                f"profiles of different columns can't be added up: {names} is in one of them only"
            )
        return Profile(
            {name: _sum(feature, other.features[name]) for name, feature in self.features.items()}
        )


def _sum(a: Feature, b: Feature) -> Feature:
    if a.kind != b.kind:
        raise ProfileError(f"{a.name}: a {a.kind} and a {b.kind} can't be added up")
    if not a.fits(b):
        a, b = _alike(a, b)
    rows = (a.present, b.present)
    return replace(
        a,
        rows=a.rows + b.rows,
        missing=a.missing + b.missing,
        foreign=a.foreign + b.foreign,
        counts=a.counts + b.counts,
        low=_extreme(a.low, b.low, least=True),
        high=_extreme(a.high, b.high, least=False),
        unseen=_most(
            {name: a.unseen.get(name, 0) + b.unseen.get(name, 0) for name in {*a.unseen, *b.unseen}}
        ),
        distinct=max(a.distinct, b.distinct),
        error=(rows[0] * a.error + rows[1] * b.error) / max(sum(rows), 1),
    )


def _extreme(a: float, b: float, *, least: bool) -> float:
    known = [value for value in (a, b) if value == value]  # noqa: PLR0124 - NaN differs from itself
    return (min if least else max)(known, default=float("nan"))


def _most(names: Mapping[str, int]) -> dict[str, int]:
    """Return the most frequent names; of equally frequent ones, the first by name."""
    return dict(sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))[:UNSEEN])


def _alike(a: Feature, b: Feature) -> tuple[Feature, Feature]:
    """Return both, counted at the same places as well as that can be told."""
    import numpy

    if a.kind in COUNTED:
        cells = tuple(sorted({*a.cells, *b.cells})[:CELLS])
        return _in_cells(a, cells), _in_cells(b, cells)
    cuts = numpy.union1d(a.cuts, b.cuts)
    if len(cuts) > CUTS:
        cuts = cuts[numpy.linspace(0, len(cuts) - 1, CUTS).astype(int)]
    return _at_cuts(a, cuts), _at_cuts(b, cuts)


def _in_cells(feature: Feature, cells: Sequence[str]) -> Feature:
    """Return a feature by other categories; its others may be any that it doesn't count."""
    import numpy

    known = dict(zip(feature.cells, feature.counts.tolist(), strict=False))
    counts = [known.pop(cell, 0) for cell in cells]
    others = int(feature.counts[-1]) + sum(known.values())
    unsure = int(feature.counts[-1]) if set(cells) - set(feature.cells) else 0
    return replace(
        feature,
        cells=tuple(cells),
        counts=numpy.array([*counts, others], dtype=numpy.int64),
        error=feature.error + unsure / max(feature.present, 1),
    )


def _at_cuts(feature: Feature, cuts: Array) -> Feature:
    """Return a feature by other cut points: half of the rows between its own are below."""
    import numpy

    below = numpy.concatenate(([0], numpy.cumsum(feature.counts)))
    least = below[numpy.searchsorted(feature.cuts, cuts, side="right")]
    most = below[numpy.searchsorted(feature.cuts, cuts, side="left") + 1]
    most = numpy.where(
        cuts >= feature.high, feature.present, numpy.where(cuts < feature.low, 0, most)
    )
    least = numpy.where(cuts >= feature.high, feature.present, numpy.minimum(least, most))
    middle = (least + most) // 2
    counts = numpy.diff(numpy.concatenate(([0], middle, [feature.present])))
    unsure = float((most - least).max(initial=0)) / max(feature.present, 1)
    return replace(
        feature, cuts=cuts, counts=counts.astype(numpy.int64), error=feature.error + unsure
    )
