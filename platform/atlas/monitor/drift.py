"""The drift test: batches of rows against the rows that the champion was trained on.

A feature's distance in a window of batches is the largest difference of the two distribution
functions at the reference's cut points (Kolmogorov and Smirnov), or the total variation of its
categories. It alarms where it exceeds the sum of

- the feature's tolerance: differences up to it aren't drift;
- how far the window's rows may be from their own distribution, at the risk of this look
  (`atlas.monitor.budget`), spread evenly over features and windows;
- how far the reference's rows may be from theirs, at a risk that is paid once for all looks, for
  every look uses the same rows;
- what the two profiles' counts may be off.

So, where all features are as they were up to their tolerances, and rows are independent given the
batch that they come in, the probability of one alarm or more in a champion's life is at most the
budget's, whatever depends on what between features and between looks.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.monitor import bounds
from atlas.monitor.beside import ReferenceCounts, StackedCounts
from atlas.monitor.budget import MISSING, Budget

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy import ndarray

    from atlas.profiles.profile import Profile

    Array = ndarray[Any, Any]

WINDOWS = (1, 2, 4, 8)
"""How many of the last batches are looked at together."""
DISTRIBUTION, ABSENCE = "distribution", "missing values"


@dataclass(frozen=True, slots=True)
class Measured:
    """One feature in one window.

    Attributes:
        feature: the column.
        test: ``distribution`` or ``missing values``.
        window: how many batches.
        rows: how many rows they have.
        distance: between the window and the reference, from 0 to 1.
        tolerance: distances up to this aren't drift.
        threshold: distances above this are an alarm.
        chance: at most this is the probability of such a distance without drift, for this test
            alone.
        adjusted: the chance after Benjamini and Hochberg, over all features; it only ranks them.
    """

    feature: str
    test: str
    window: int
    rows: int
    distance: float
    tolerance: float
    threshold: float
    chance: float
    adjusted: float = 1.0

    @property
    def alarms(self) -> bool:
        """Whether it is an alarm."""
        return self.distance > self.threshold

    @property
    def of_threshold(self) -> float:
        """The distance as a share of its threshold: above 1 for an alarm."""
        if self.threshold > 0.0:
            return self.distance / self.threshold
        return 2.0 if self.distance > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class DriftLook:
    """What one look saw.

    Attributes:
        look: its number in the champion's life, from 1.
        spent: the risk of all looks so far.
        budget: the risk of the whole life.
        measured: every feature in every window, those of the lowest chance first.
        gone: columns of the reference that the last batch doesn't have.
        unseen: column → new categories of the last batch, with their rows.
    """

    look: int
    spent: float
    budget: float
    measured: tuple[Measured, ...]
    gone: tuple[str, ...]
    unseen: Mapping[str, Mapping[str, int]]

    @property
    def alarms(self) -> tuple[Measured, ...]:
        """What alarms."""
        return tuple(measured for measured in self.measured if measured.alarms)


@dataclass(frozen=True, slots=True)
class DriftRule:
    """What the Config states.

    Attributes:
        budget: the risk of a false alarm, and the looks that are expected.
        tolerances: a feature's name → what distance of distributions isn't drift; 0 by default.
        missing: a feature's name → what difference of the shares of missing values isn't drift.
    """

    budget: Budget
    tolerances: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, float] = field(default_factory=dict)


def look(reference: Profile, batches: Sequence[Profile], number: int, rule: DriftRule) -> DriftLook:
    """Look at the last batches.

    Args:
        reference: the champion's.
        batches: profiles counted beside it, in order of time, the last one last. More than 8 aren't
            needed.
        number: the number of this look in the champion's life, from 1.
        rule: the rule.

    Raises:
        ProfileError: there is no batch, or one was counted beside another reference.
    """
    if not batches or number < 1:
        found = f"{len(batches)} batches and look {number}"
        raise ProfileError(f"found {found}, expected at least 1 of each")
    risks = _Risks.of(rule.budget, number, len(reference.features))
    beside = ReferenceCounts.of(reference)
    absent = _AbsenceRange.of(beside, risks, rule)
    measured: list[Measured] = []
    for size, window in _windows(beside, batches):
        measured += _distributions(beside, window, size, risks, rule)
        measured += _absences(beside, window, size, absent)
    gone = tuple(name for name in reference.features if name not in batches[-1].features)
    unseen = {name: f.unseen for name, f in batches[-1].features.items() if f.unseen}
    spent = rule.budget.spent(number)
    return DriftLook(number, spent, rule.budget.false_alarms, _ranked(measured), gone, unseen)


@dataclass(frozen=True, slots=True)
class _Risks:
    """The risk of one feature in one window, and of its reference."""

    batch: float
    reference: float

    @classmethod
    def of(cls, budget: Budget, number: int, features: int) -> _Risks:
        count = max(features, 1)
        return cls(budget.at(number) / count / len(WINDOWS), budget.reference / count)


def _windows(
    beside: ReferenceCounts, batches: Sequence[Profile]
) -> Iterator[tuple[int, StackedCounts]]:
    """Yield the sums of the last batches."""
    window: StackedCounts | None = None
    for size, batch in enumerate(reversed(batches[-WINDOWS[-1] :]), start=1):
        counts = beside.stacked(batch)
        window = counts if window is None else window + counts
        if size in WINDOWS:
            yield size, window


def _distributions(
    beside: ReferenceCounts, window: StackedCounts, size: int, risks: _Risks, rule: DriftRule
) -> Iterator[Measured]:
    import numpy

    now, tolerance = window.present, beside.named(rule.tolerances)
    mixed = (tolerance > 0.0) & (size > 1)
    fixed = tolerance + beside.stack.error + window.error
    fixed += beside.noise((1.0 - MISSING) * risks.reference)
    threshold = fixed + beside.noise_of(window, (1.0 - MISSING) * risks.batch, mixed)
    distance = beside.distances(window)
    beyond = numpy.maximum(distance - fixed - beside.expected(window), 0.0)
    chance = numpy.exp(numpy.log(2.0 - beside.counted) + mixed - 2.0 * now * beyond**2)
    columns = (now, distance, tolerance, threshold, numpy.minimum(chance, 1.0))
    both = (now > 0) & (beside.stack.present > 0)
    yield from _entries(beside, DISTRIBUTION, size, both, columns)


@dataclass(frozen=True, slots=True)
class _AbsenceRange:
    """Between which limits the true shares of rows without a value are, if nothing has changed."""

    low: Array
    high: Array
    tolerance: Array
    risk: float

    @classmethod
    def of(cls, beside: ReferenceCounts, risks: _Risks, rule: DriftRule) -> _AbsenceRange:
        import numpy

        then, tolerance = beside.stack, beside.named(rule.missing)
        rows, risk = numpy.maximum(then.rows, 1), MISSING * risks.reference / 2.0
        low, high = bounds.share(then.absent, rows, risk)
        low, high = numpy.maximum(low - tolerance, 0.0), numpy.minimum(high + tolerance, 1.0)
        return cls(low, high, tolerance, MISSING * risks.batch / 2.0)


def _absences(
    beside: ReferenceCounts, window: StackedCounts, size: int, usual: _AbsenceRange
) -> Iterator[Measured]:
    """Compare the shares of rows without a value that can be used."""
    import numpy

    then = beside.stack
    rows, rows_then = numpy.maximum(window.rows, 1), numpy.maximum(then.rows, 1)
    expected, share = then.absent / rows_then, window.absent / rows
    above = share >= expected
    edge = numpy.where(above, usual.high, usual.low)
    limit = bounds.unlikely(edge, rows, usual.risk, above)
    outside = numpy.abs(share - expected) > numpy.abs(edge - expected)
    chance = numpy.where(outside, numpy.exp(-rows * bounds.divergence(share, edge)), 1.0)
    far = numpy.abs(share - expected)
    columns = (far, usual.tolerance, numpy.abs(limit - expected), chance)
    both = (window.rows > 0) & (then.rows > 0)
    yield from _entries(beside, ABSENCE, size, both, (window.rows, *columns))


def _entries(
    beside: ReferenceCounts, test: str, size: int, which: Array, columns: tuple[Array, ...]
) -> Iterator[Measured]:
    names = [feature.name for feature in beside.features]
    rows = zip(names, which.tolist(), *(column.tolist() for column in columns), strict=True)
    yield from (Measured(name, test, size, *row) for name, shown, *row in rows if shown)


def _ranked(measured: Sequence[Measured]) -> tuple[Measured, ...]:
    """Return them by chance, each with Benjamini and Hochberg's adjustment."""
    in_order = sorted(measured, key=lambda m: (m.chance, -m.distance, m.feature, m.test, m.window))
    least, adjusted = 1.0, []
    for rank, entry in reversed([*enumerate(in_order, start=1)]):
        least = min(least, entry.chance * len(in_order) / rank)
        adjusted.append(entry if least == 1.0 else replace(entry, adjusted=least))
    return tuple(reversed(adjusted))
