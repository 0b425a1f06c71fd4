"""The shape of a feature then and now: shares of rows, in bins or by category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.profiles.columns import COUNTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import ndarray

    from atlas.profiles.profile import Feature

    Array = ndarray[Any, Any]

BINS, BARS = 32, 10
"""How many bins, and at most how many bars, a picture has."""
OTHERS, MISSING, PRESENT = "(others)", "missing", "present"
_EDGES_THEN, _EDGES_NOW = (0.005, 0.995), (0.01, 0.99)
"""Quantiles that the picture reaches to: a heavy tail would leave one bin for all the rest."""

_MOST = 1e300
"""The largest number in a picture: the differences of larger ones may be no floats."""
_Bar = tuple[str, float, float]
"""A label, and the shares of rows then and now."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Where two distributions differ most.

    Attributes:
        at: the value.
        then: share of the reference's rows up to it.
        now: share of the batch's.
    """

    at: float
    then: float
    now: float


@dataclass(frozen=True, slots=True)
class FeatureShape:
    """A feature then and now.

    Attributes:
        kind: of the feature, as a profile has it.
        then: share of the reference's rows in each bin, or of each bar.
        now: likewise of the batch.
        edges: of the bins, one more than these; empty where there are bars.
        labels: of the bars; empty where there are bins.
        gap: where the distributions differ most; None of categories.
        missing: shares of rows without a value that can be used, then and now.
    """

    kind: str
    then: tuple[float, ...]
    now: tuple[float, ...]
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    gap: Gap | None = None
    missing: tuple[float, float] = (0.0, 0.0)


def shape_of(then: Feature, now: Feature) -> FeatureShape:
    """Return the shape of a feature.

    Args:
        then: in the reference.
        now: in the batch, or in several together, counted beside it.
    """
    missing = _missing(then), _missing(now)
    if then.kind in COUNTED:
        return _barred(then.kind, _by_category(then, now), None, missing)
    gap = _gap(then, now)
    if len(then.cuts) <= BARS:
        return _barred(then.kind, _by_value(then, now), gap, missing)
    edges = _edges(then, now)
    shares = _in_bins(then, edges), _in_bins(now, edges)
    return FeatureShape(then.kind, *shares, edges=tuple(edges.tolist()), gap=gap, missing=missing)


def absence_of(then: Feature, now: Feature) -> FeatureShape:
    """Return the shares of rows with and without a value."""
    missing = _missing(then), _missing(now)
    rows = [(MISSING, *missing), (PRESENT, 1.0 - missing[0], 1.0 - missing[1])]
    return _barred(then.kind, rows, None, missing)


def _barred(
    kind: str, rows: Sequence[_Bar], gap: Gap | None, missing: tuple[float, float]
) -> FeatureShape:
    """Return a shape that is shown as bars."""
    then, now = tuple(row[1] for row in rows), tuple(row[2] for row in rows)
    labels = tuple(row[0] for row in rows)
    return FeatureShape(kind, then, now, labels=labels, gap=gap, missing=missing)


def _missing(feature: Feature) -> float:
    return 1.0 - feature.present / feature.rows if feature.rows else 0.0


def _shares(feature: Feature) -> Array:
    shares: Array = feature.counts / max(feature.present, 1)
    return shares


def _by_value(then: Feature, now: Feature) -> list[_Bar]:
    values = [f"{cut:.4g}" for cut in then.cuts.tolist()]
    labels = [*values, f"above {values[-1]}" if values else "any"]
    return [*zip(labels, _shares(then).tolist(), _shares(now).tolist(), strict=True)]


def _by_category(then: Feature, now: Feature) -> list[_Bar]:
    """Return the categories that differ most, and all others together."""
    names = [*then.cells, OTHERS]
    rows: list[_Bar] = [*zip(names, _shares(then).tolist(), _shares(now).tolist(), strict=True)]
    others = rows.pop()
    by_difference = sorted(rows, key=lambda row: (-abs(row[2] - row[1]), -row[1], row[0]))
    shown = sorted(by_difference[:BARS], key=lambda row: (-max(row[1:]), row[0]))
    rest = [*by_difference[BARS:], others]
    others = (OTHERS, sum(row[1] for row in rest), sum(row[2] for row in rest))
    if any(others[1:]) or not shown:
        shown.append(others)
    return shown


def _gap(then: Feature, now: Feature) -> Gap | None:
    import numpy

    if not len(then.cuts) or not then.present or not now.present:
        return None
    below = [numpy.cumsum(_shares(feature))[:-1] for feature in (then, now)]
    place = int(numpy.argmax(numpy.abs(below[0] - below[1])))
    return Gap(float(then.cuts[place]), float(below[0][place]), float(below[1][place]))


def _edges(then: Feature, now: Feature) -> Array:
    """Return the edges of equal bins over nearly all rows of both."""
    import numpy

    ends = [
        end
        for feature, quantiles in ((then, _EDGES_THEN), (now, _EDGES_NOW))
        if feature.present
        for end in _quantiles(feature, quantiles)
    ]
    low, high = (max(min(ends), -_MOST), min(max(ends), _MOST)) if ends else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    # The first bin has what is exactly at its edge: often the most frequent value of all.
    return numpy.linspace(low - (high - low) * 1e-9, high, BINS + 1)


def _points(feature: Feature) -> tuple[Array, Array]:
    """Return values, ascending, and the share of rows up to each; only finite values."""
    import numpy

    cuts = feature.cuts
    low, high = min(feature.low, cuts[0]), max(feature.high, cuts[-1])
    values = numpy.concatenate(([low], cuts, [high]))
    below = numpy.concatenate(([0.0], numpy.cumsum(_shares(feature))))
    finite = numpy.isfinite(values)
    return values[finite], below[finite]


def _quantiles(feature: Feature, shares: Sequence[float]) -> list[float]:
    import numpy

    values, below = _points(feature)
    if not len(values):
        return []
    places = numpy.searchsorted(below, shares).clip(0, len(values) - 1)
    return [float(value) for value in values[places]]


def _in_bins(feature: Feature, edges: Array) -> tuple[float, ...]:
    """Return the share of rows in each bin: between two cut points, rows are spread evenly."""
    import numpy

    if not feature.present:
        return (0.0,) * (len(edges) - 1)
    values, below = _points(feature)
    if not len(values):
        return (0.0,) * (len(edges) - 1)
    return tuple(numpy.diff(numpy.interp(edges, values, below, left=0.0)).tolist())
