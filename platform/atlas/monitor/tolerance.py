"""What differences aren't drift: proposed from the training data's own blocks.

Days differ from each other, and rows of one day resemble each other, without anything having
changed. So the rows of training are cut into blocks of about a batch each, in order of time, and
each block is compared with all others together. What its distance has beyond the noise of so many
rows is a difference that was there at training; a feature's tolerance is the largest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.monitor.beside import ReferenceCounts, StackedCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import ndarray

    from atlas.profiles.profile import Profile

    Array = ndarray[Any, Any]

LEAST = 8
"""Fewest blocks that say something of how blocks differ."""
_RISK = 0.5
"""With equal blocks, the largest distance is below the noise in at least half of all cases."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What is proposed.

    Attributes:
        distributions: a feature's name → its tolerance.
        missing: a feature's name → the tolerance of its share of missing values.
        blocks: how many blocks were compared.
    """

    distributions: dict[str, float]
    missing: dict[str, float]
    blocks: int


def propose(reference: Profile, blocks: Sequence[Profile]) -> Tolerances:
    """Propose tolerances.

    Args:
        reference: the profile of all rows.
        blocks: profiles of the blocks, counted beside it, which together are all its rows.

    Raises:
        ProfileError: there are fewer than 8 blocks, or they aren't the reference's rows.
    """
    import numpy

    if len(blocks) < LEAST:
        found = f"{len(blocks)} blocks of rows"
        raise ProfileError(f"found {found}, expected at least {LEAST} to see how they differ")
    beside = ReferenceCounts.of(reference)
    most = numpy.zeros((2, len(beside.features)))
    for block in blocks:
        own = beside.stacked(block)
        most = numpy.maximum(most, _beyond(beside, own, _others(beside, own), len(blocks)))
    names = [feature.name for feature in beside.features]
    distributions, missing = (dict(zip(names, row, strict=True)) for row in most.tolist())
    return Tolerances(distributions, missing, len(blocks))


def _others(beside: ReferenceCounts, own: StackedCounts) -> StackedCounts:
    """Return the counts of all rows but a block's."""
    both = beside.stack
    if (own.counts > both.counts).any() or (own.rows > both.rows).any():
        raise ProfileError("a block isn't a part of the reference's rows")
    others = (both.counts - own.counts, both.rows - own.rows, both.present - own.present)
    return StackedCounts(*others, both.error)


def _beyond(
    beside: ReferenceCounts, own: StackedCounts, others: StackedCounts, blocks: int
) -> Array:
    """Return what a block's distances have beyond the noise of the largest of so many.

    The first row is of distributions, the second of shares of missing values.
    """
    import numpy

    per_row = 1.0 / numpy.maximum(own.present, 1) + 1.0 / numpy.maximum(others.present, 1)
    expected = beside.counted * 0.5 * numpy.sqrt((beside.cells - 1) * per_row)
    noise = numpy.sqrt(numpy.log((2.0 - beside.counted) * blocks / _RISK) / 2.0 * per_row)
    distances = beside.distances(own, others) - expected - noise
    missing = numpy.abs(_absent(own) - _absent(others)) - numpy.sqrt(
        2.0 * numpy.log(2.0 * blocks / _RISK) * (_variance(own) + _variance(others))
    )
    present = (own.present > 0) & (others.present > 0)
    return numpy.stack((numpy.where(present, distances, 0.0), missing))


def _absent(stack: StackedCounts) -> Array:
    import numpy

    return stack.absent / numpy.maximum(stack.rows, 1)


def _variance(stack: StackedCounts) -> Array:
    """Return the variance of the shares of missing values."""
    import numpy

    share: Array = _absent(stack)
    return share * (1.0 - share) / numpy.maximum(stack.rows, 1)
