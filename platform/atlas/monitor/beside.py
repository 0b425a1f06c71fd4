"""Profiles beside their reference: the numbers of all features as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.monitor import bounds
from atlas.profiles.columns import COUNTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy import ndarray

    from atlas.profiles.profile import Feature, Profile

    Array = ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class StackedCounts:
    """The counts of a profile's features one after another, in the reference's order.

    Attributes:
        counts: the counts of all features.
        rows: how many rows each has; 0 where the profile doesn't have the feature.
        present: how many of these were counted.
        error: what each one's counts may be off.
    """

    counts: Array
    rows: Array
    present: Array
    error: Array

    @property
    def absent(self) -> Array:
        """Rows without a value that was counted."""
        return self.rows - self.present

    def __add__(self, other: StackedCounts) -> StackedCounts:
        """Return both together."""
        import numpy

        present = self.present + other.present
        errors = self.error * self.present + other.error * other.present
        return StackedCounts(
            self.counts + other.counts,
            self.rows + other.rows,
            present,
            errors / numpy.maximum(present, 1),
        )


@dataclass(frozen=True, slots=True)
class ReferenceCounts:
    """A reference, and where its features begin in a stack.

    Attributes:
        profile: the reference.
        features: its features.
        starts: where the counts of each begin.
        stack: its own counts.
    """

    profile: Profile
    features: tuple[Feature, ...]
    starts: Array
    stack: StackedCounts

    @classmethod
    def of(cls, profile: Profile) -> ReferenceCounts:
        """Return a profile as the reference of others."""
        import numpy

        features = tuple(profile.features.values())
        widths = [len(feature.counts) for feature in features]
        starts = numpy.cumsum([0, *widths[:-1]]) if widths else numpy.empty(0, dtype=numpy.int64)
        return cls(profile, features, starts, _stack(features, profile))

    def stacked(self, profile: Profile) -> StackedCounts:
        """Return the counts of a profile.

        Raises:
            ProfileError: it was counted at other places.
        """
        return _stack(self.features, profile)

    @property
    def counted(self) -> Array:
        """Whether values are counted: 1, else 0."""
        return self.numbers(lambda feature: feature.kind in COUNTED)

    @property
    def cells(self) -> Array:
        """How many counts each feature has."""
        return self.numbers(lambda feature: len(feature.counts))

    def named(self, numbers: Mapping[str, float]) -> Array:
        """Return each feature's number; 0 where it has none."""
        return self.numbers(lambda feature: numbers.get(feature.name, 0.0))

    def numbers(self, of: Callable[[Feature], float]) -> Array:
        """Return a number of each feature."""
        import numpy

        return numpy.array([of(feature) for feature in self.features], dtype=numpy.float64)

    def noise(self, risk: float) -> Array:
        """Return how far the reference's rows may be from their distribution.

        Which categories it counts was chosen by its own rows: all that it has seen matter there.
        """
        seen = self.numbers(lambda feature: max(feature.distinct, 1) + 1)
        return self._noise(self.stack.present, seen, risk, True)

    def noise_of(self, window: StackedCounts, risk: float, mixed: Array) -> Array:
        """Return how far a window's rows may be from their distribution."""
        return self._noise(window.present, self.cells, risk, mixed)

    def _noise(self, present: Array, cells: Array, risk: float, mixed: bool | Array) -> Array:
        import numpy

        rows = numpy.maximum(present, 1)
        of_counts = bounds.total_variation(rows, cells, risk)
        return numpy.where(self.counted, of_counts, bounds.distribution(rows, risk, mixed=mixed))

    def expected(self, window: StackedCounts) -> Array:
        """Return what the distance is on average without drift where values are counted; else 0."""
        import numpy

        return self.counted * bounds.expected_variation(
            numpy.maximum(window.present, 1), self.cells
        )

    def distances(self, window: StackedCounts, than: StackedCounts | None = None) -> Array:
        """Return how far a window's distributions are from the reference's, or from others."""
        import numpy

        if not self.features:
            return numpy.empty(0)
        differences = self._shares(window) - self._shares(than or self.stack)
        # Of each feature, both shares add up to 1: the sums begin at 0 again with the next.
        by_cut = numpy.maximum.reduceat(numpy.abs(numpy.cumsum(differences)), self.starts)
        by_count = 0.5 * numpy.add.reduceat(numpy.abs(differences), self.starts)
        return numpy.where(self.counted, by_count, by_cut)

    def _shares(self, stack: StackedCounts) -> Array:
        import numpy

        present = numpy.repeat(numpy.maximum(stack.present, 1), self.cells.astype(numpy.int64))
        shares: Array = stack.counts / present
        return shares


def _stack(features: tuple[Feature, ...], profile: Profile) -> StackedCounts:
    import numpy

    own = [profile.features.get(feature.name) for feature in features]
    for then, now in zip(features, own, strict=True):
        if now is not None and not then.fits(now):
            raise ProfileError(f"{then.name}: the batch was counted beside another reference")
    counts = [
        now.counts if now else numpy.zeros(len(then.counts), dtype=numpy.int64)
        for then, now in zip(features, own, strict=True)
    ]
    numbers = [(now.rows, now.present, now.error) if now else (0, 0, 0.0) for now in own]
    table = numpy.array(numbers, dtype=numpy.float64).reshape(-1, 3)
    rows, present = table[:, 0].astype(numpy.int64), table[:, 1].astype(numpy.int64)
    return StackedCounts(numpy.concatenate(counts) if counts else rows, rows, present, table[:, 2])
