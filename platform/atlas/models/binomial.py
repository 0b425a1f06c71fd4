"""Paired 0/1 values: McNemar's exact test, and Tango's score bounds of the difference.

Only rows on which the two models disagree tell them apart. Of these, each model is right on half
if there is no difference: the exact test is binomial (McNemar 1947). Bounds of the difference of
the two proportions come from the score test of Tango, Statistics in Medicine 17 (1998), 891-908.
"""

from __future__ import annotations

import math
from statistics import NormalDist

_STEPS = 60
"""Bisections of an interval of length 2: the bound is exact to the last digits of a float."""


def upper_tail(successes: int, trials: int) -> float:
    """Return the probability of at least so many heads in so many throws of a fair coin."""
    import numpy

    if successes <= 0:
        return 1.0
    first = _log_choose(trials, successes) - trials * math.log(2.0)
    k = numpy.arange(successes, trials, dtype=numpy.float64)
    steps = numpy.cumsum(numpy.log((trials - k) / (k + 1.0)))
    return min(1.0, math.exp(first) + float(numpy.exp(first + steps).sum()))


def lower_bound(wins: int, losses: int, rows: int, alpha: float) -> float:
    """Return the one-sided lower bound of the difference of two paired proportions.

    It is above 0 only if the exact test says so too.

    Args:
        wins: rows on which only the first model is right.
        losses: rows on which only the second model is right.
        rows: all rows.
        alpha: how likely the true difference may be below the bound.
    """
    z = NormalDist().inv_cdf(1.0 - alpha)
    low, high = -1.0, (wins - losses) / rows
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _score(wins, losses, rows, middle) > z:
            low = middle
        else:
            high = middle
    is_exact = upper_tail(wins, wins + losses) <= alpha
    return low if is_exact else min(low, 0.0)


def _score(wins: int, losses: int, rows: int, difference: float) -> float:
    """Return Tango's statistic of a supposed difference; it falls as the difference grows."""
    a = 2.0 * rows
    b = (2 * rows - wins + losses) * difference - wins - losses
    c = -losses * difference * (1.0 - difference)
    rate = (math.sqrt(max(0.0, b * b - 4.0 * a * c)) - b) / (2.0 * a)
    variance = rows * (2.0 * rate + difference * (1.0 - difference))
    excess = wins - losses - rows * difference
    if variance <= 0.0:
        return math.copysign(math.inf, excess) if excess else 0.0
    return excess / math.sqrt(variance)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
