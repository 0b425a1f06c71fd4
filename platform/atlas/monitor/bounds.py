"""How far what was counted can be from the truth, at a stated risk. All hold for any distribution.

All take and return an array, or a number, for each feature. In each, rows are independent. Sources:
Massart, Ann. Probab. 18 (1990), the tight constant of Dvoretzky, Kiefer and Wolfowitz's inequality;
Bretagnolle, LNM 784 (1980), the same for rows of different distributions, at the cost of a factor
e; McDiarmid (1989), for total variation; Hoeffding, JASA 58 (1963), theorem 1, for shares.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

STEPS = 40
"""Halvings in which a share is found: to 1e-12."""


def distribution(rows: Array, risk: float, *, mixed: bool | Array = False) -> Array:
    """Return how far the empirical distribution function may be from the true one, anywhere.

    Args:
        rows: how many rows, at least 1.
        risk: the probability that it is further away.
        mixed: whether the rows may come from several distributions; the true one is their mean.
    """
    import numpy

    return numpy.sqrt((math.log(2.0 / risk) + mixed) / (2.0 * rows))


def expected_variation(rows: Array, cells: Array) -> Array:
    """Return the most that the mean of the total variation of a sample's shares can be.

    Args:
        rows: how many rows, at least 1.
        cells: how many categories.
    """
    import numpy

    return 0.5 * numpy.sqrt((cells - 1) / rows)


def total_variation(rows: Array, cells: Array, risk: float) -> Array:
    """Return how far the shares of categories may be from the true ones, in total variation.

    Args:
        rows: how many rows, at least 1.
        cells: how many categories.
        risk: the probability that they are further away.
    """
    import numpy

    beyond = numpy.sqrt(math.log(1.0 / risk) / (2.0 * rows))
    return expected_variation(rows, cells) + beyond


def divergence(share: Array, expected: Array) -> Array:
    """Return the Kullback-Leibler divergence between two Bernoulli variables, in nats."""
    import numpy

    with numpy.errstate(divide="ignore", invalid="ignore"):
        yes = numpy.where(share > 0.0, share * numpy.log(share / expected), 0.0)
        no = numpy.where(
            share < 1.0, (1.0 - share) * numpy.log((1.0 - share) / (1.0 - expected)), 0.0
        )
    return yes + no


def share(count: Array, rows: Array, risk: float) -> tuple[Array, Array]:
    """Return between which limits a true share lies.

    Args:
        count: rows that have what is asked for.
        rows: how many rows, at least 1.
        risk: the probability that the truth is below the lower limit, and that it is above the
            upper.
    """
    import numpy

    found, most = count / rows, math.log(1.0 / risk) / rows
    both = _truth(numpy.stack((1.0 - found, found)), most)
    return 1.0 - both[0], both[1]


def unlikely(expected: Array, rows: Array, risk: float, above: Array) -> Array:
    """Return the share beyond which a sample is improbable.

    Args:
        expected: the true share.
        rows: how many rows, at least 1.
        risk: the probability that a sample's share is beyond it.
        above: whether it is the share above which a sample is improbable, else that below.
    """
    import numpy

    most = math.log(1.0 / risk) / rows
    limit = _sample(numpy.where(above, expected, 1.0 - expected), most)
    return numpy.where(above, limit, 1.0 - limit)


def _truth(found: Array, most: Array) -> Array:
    """Return the largest true share from which a sample diverges by at most this."""
    return _largest(found, most, lambda middle: divergence(found, middle))


def _sample(expected: Array, most: Array) -> Array:
    """Return the largest share of a sample that diverges from the truth by at most this."""
    return _largest(expected, most, lambda middle: divergence(middle, expected))


def _largest(low: Array, most: Array, distance: Any) -> Array:
    import numpy

    low, high = numpy.array(low, dtype=float), numpy.ones_like(low, dtype=float)
    low = numpy.where(distance(high) <= most, 1.0, low)
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        near = distance(middle) <= most
        low, high = numpy.where(near, middle, low), numpy.where(near, high, middle)
    return low
