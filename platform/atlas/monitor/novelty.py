"""How many later rows are new by chance alone: beyond the range, or the categories, of earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.monitor import bounds
from atlas.profiles.columns import COUNTED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy import ndarray

    from atlas.profiles.profile import Feature

    Array = ndarray[Any, Any]


def numbers(features: Sequence[Feature], of: Callable[[Feature], float]) -> Array:
    """Return a number of each feature."""
    import numpy

    return numpy.array([of(feature) for feature in features], dtype=numpy.float64)


def rare(feature: Feature) -> float:
    """Return in how many rows there is what is there once.

    A later row is new about as often (Good, Biometrika 40 (1953)); beyond the range of numbers no
    row is.
    """
    if feature.kind not in COUNTED:
        return 0.0
    return float(feature.counts[-1] + (feature.counts[:-1] == 1).sum())


def limit(count: Array, rows: Array, later: Array, risk: float, allowed: Array | float) -> Array:
    """Return the share of later rows that is exceeded with at most a probability.

    Args:
        count: how many of the earlier rows have it.
        rows: how many earlier rows there are; without any, everything is possible.
        later: how many later rows there are.
        risk: the probability, once for the earlier rows and once for the later ones.
        allowed: by how much the true shares of both may differ.
    """
    import numpy

    truth = bounds.share(count, numpy.maximum(rows, 1), risk)[1]
    expected = numpy.minimum(truth + allowed, 1.0)
    rows_later = numpy.maximum(later, 1)
    most = bounds.unlikely(expected, rows_later, risk, numpy.array(True))
    return numpy.where(rows > 0, most, 1.0)


def new_rows(block: Feature, others: Array) -> int:
    """Return how many rows of a block are beyond the range, or the categories, of other rows.

    Args:
        block: the block.
        others: the counts of the others.
    """
    import numpy

    (there,) = numpy.nonzero(others > 0)
    if not len(there):
        return 0
    if block.kind in COUNTED:
        return int(block.counts[others <= 0].sum())
    return int(block.counts[: there[0]].sum() + block.counts[there[-1] + 1 :].sum())
