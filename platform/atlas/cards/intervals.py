"""Intervals of a mean: how far the metric of a test set may be from that of all such rows.

- values that are all 0 or 1: the interval of Clopper and Pearson (1934), which is exact; of more
  than 10,000 rows that of Wilson (1927);
- other values: the bootstrap of the studentised mean (Efron and Tibshirani 1993, 12.5); of 1,000
  rows and more the normal approximation, which is the same to the digits shown.

The rows have to be independent of each other.
"""

from __future__ import annotations

import hashlib
import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import ndarray

    Values = ndarray[Any, Any]

CONFIDENCE = 0.95
FEW = 17
"""The fewest rows, with values other than 0 and 1, that an interval is given of."""
_MANY, _EXACT = 1_000, 10_000
_DRAWS = 2_000
_STEPS = 60


class Interval(NamedTuple):
    """An interval of a mean.

    Attributes:
        low: its lower end; None where there is none.
        high: its upper end.
        method: how it was found, or why there is none.
    """

    low: float | None
    high: float | None
    method: str


def interval_of(values: Values, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of the mean of some rows' values.

    Args:
        values: one of each row.
        confidence: probability that the interval holds the mean of all such rows.
    """
    import numpy

    if not len(values) or not numpy.isfinite(values).all():
        return Interval(None, None, "some rows have no value" if len(values) else "no rows")
    if numpy.isin(values, (0.0, 1.0)).all():
        return _proportion(int(values.sum()), len(values), 1.0 - confidence)
    if len(values) < FEW:
        return Interval(None, None, f"fewer than {FEW} rows")
    spread = float(values.std(ddof=1))
    if spread == 0.0:
        return Interval(None, None, "all rows have the same value")
    return _of_mean(values, spread, 1.0 - confidence)


def _of_mean(values: Values, spread: float, alpha: float) -> Interval:
    mean, error = float(values.mean()), spread / math.sqrt(len(values))
    if len(values) >= _MANY:
        z = NormalDist().inv_cdf(1.0 - alpha / 2)
        return Interval(mean - z * error, mean + z * error, "normal approximation")
    low, high = _studentised(values, alpha)
    return Interval(mean - high * error, mean - low * error, "bootstrap")


def _studentised(values: Values, alpha: float) -> tuple[float, float]:
    """Return quantiles of the studentised mean over draws of rows; equal rows give equal ones."""
    import numpy

    seed = int.from_bytes(hashlib.sha256(values.tobytes()).digest()[:8], "big")
    count = len(values)
    drawn = values[numpy.random.default_rng(seed).integers(0, count, (_DRAWS, count))]
    spreads = drawn.std(axis=1, ddof=1)
    usable = spreads > 0
    errors = spreads[usable] / math.sqrt(count)
    scores = (drawn[usable].mean(axis=1) - values.mean()) / errors
    low, high = numpy.quantile(scores, (alpha / 2, 1.0 - alpha / 2))
    return float(low), float(high)


def _proportion(successes: int, count: int, alpha: float) -> Interval:
    if count > _EXACT:
        return _wilson(successes / count, count, alpha)
    upper = (
        1.0
        if successes == count
        else _solved(lambda rate: _tail(count - successes, count, 1.0 - rate) - alpha / 2)
    )
    lower = (
        0.0
        if successes == 0
        else 1.0 - _solved(lambda rate: _tail(successes, count, 1.0 - rate) - alpha / 2)
    )
    return Interval(lower, upper, "exact")


def _solved(falling: Callable[[float], float]) -> float:
    """Return where a function that falls from 0 to 1 passes through zero."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2


def _tail(successes: int, count: int, rate: float) -> float:
    """Return the probability of at least so many successes of a rate."""
    import numpy

    if successes <= 0 or rate >= 1.0:
        return 1.0
    if rate <= 0.0:
        return 0.0
    k = numpy.arange(successes, count, dtype=numpy.float64)
    odds = math.log(rate) - math.log1p(-rate)
    steps = numpy.concatenate([[0.0], numpy.cumsum(numpy.log((count - k) / (k + 1.0)) + odds)])
    first = math.lgamma(count + 1) - math.lgamma(successes + 1) - math.lgamma(count - successes + 1)
    first += successes * math.log(rate) + (count - successes) * math.log1p(-rate)
    return min(1.0, float(numpy.exp(first + steps).sum()))


def _wilson(rate: float, count: int, alpha: float) -> Interval:
    z = NormalDist().inv_cdf(1.0 - alpha / 2)
    middle = (rate + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(rate * (1 - rate) / count + (z / (2 * count)) ** 2)
    return Interval(middle - half, middle + half, "Wilson")
