"""Made-up batches: rows like those of training, with changes that are declared.

Each column is drawn on its own from the reference's counts. Columns of real batches depend on each
other; what the drift test promises holds for these too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, ProfileError
from atlas.monitor.drift import WINDOWS
from atlas.monitor.replay.timeline import NO_COLUMNS, ReplayedBatch, Timeline
from atlas.monitor.row_metrics import LossSums
from atlas.profiles.columns import COUNTED
from atlas.profiles.profile import CUTS, Feature, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy import ndarray

    from atlas.monitor.row_metrics import LossAtTest, RowMetric

    Array = ndarray[Any, Any]

SPREADS, MISSING, NEW, VALUE = "sd", "missing", "new", "value"
_SHIFT = re.compile(
    r"(?P<name>.+)="
    r"(?:(?P<sd>[-+]?\d+(?:\.\d*)?|[-+]?\.\d+)sd|(?P<kind>missing|new):(?P<share>\d*\.?\d+)"
    r"|(?P<value>\d+(?:\.\d*)?|\.\d+))"
    r"@(?P<batch>[1-9]\d{0,5})"
)


@dataclass(frozen=True, slots=True)
class Shift:
    """A declared change.

    Attributes:
        name: a column of the features or the predictions; or the metric of ``degradation``.
        kind: ``sd``: numbers grow by so many standard deviations; ``missing`` or ``new``: such a
            share of rows has no value, or a new category; ``value``: the metric is this.
        size: how much.
        batch: the number of the first batch that has it, from 1.
    """

    name: str
    kind: str
    size: float
    batch: int

    @classmethod
    def parse(cls, text: str) -> Shift:
        """Read a change, such as ``price=0.5sd@10`` or ``accuracy=0.85@10``.

        Raises:
            AtlasError: it is none.
        """
        found = _SHIFT.fullmatch(text)
        if found is None:
            expected = "COLUMN=0.5sd@10, COLUMN=missing:0.1@10, COLUMN=new:0.1@10"
            raise AtlasError(f"shift {text!r}: expected {expected} or METRIC=0.85@10")
        part = found.groupdict()
        kind = part["kind"] or (SPREADS if part["sd"] else VALUE)
        size = float(part["share"] or part["sd"] or part["value"])
        if kind in (MISSING, NEW) and size > 1.0:
            raise AtlasError(f"shift {text!r}: found a share of {size:g}, expected 0 to 1")
        return cls(part["name"], kind, size, int(part["batch"]))


@dataclass(frozen=True, slots=True)
class MadeUp:
    """What batches are made up of.

    Attributes:
        beside: the reference's counts, by ``table.column``.
        learnt: the tolerances that training has learnt.
        metric: that of ``degradation``; None for none.
        score: the losses of the champion's test; None where they aren't known.
    """

    beside: Profile
    learnt: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {})
    metric: RowMetric | None = None
    score: LossAtTest | None = None


def synthetic(
    of: MadeUp, shifts: Sequence[Shift], *, batches: int, rows: int, seed: int
) -> Timeline:
    """Return batches that are made up; equal arguments give equal ones.

    Args:
        of: what of.
        shifts: what changes.
        batches: how many.
        rows: of each.
        seed: of the random numbers.

    Raises:
        AtlasError: a change is of nothing that is there, or of another kind of column.
    """
    import numpy

    random = numpy.random.default_rng(seed)
    changes = {shift: _changed(of, shift) for shift in shifts}
    made = []
    for number in range(1, batches + 1):
        now = {changes[s]: s for s in shifts if s.batch <= number and changes[s]}
        counts = {
            name: _drawn(feature, now.get(name), rows, random)
            for name, feature in of.beside.features.items()
        }
        name = f"batch {number}"
        value = next((s.size for s in shifts if s.kind == VALUE and s.batch <= number), None)
        losses = _losses(of, name, value, rows, random)
        window = tuple(range(max(0, number - WINDOWS[-1]), number)) if counts else ()
        made.append(
            ReplayedBatch(
                name=name,
                rows=rows,
                counts=Profile(counts) if counts else NO_COLUMNS,
                window=window,
                labels=rows if losses else 0,
                losses=losses,
                known=number - 1,
            )
        )
    changed = min((shift.batch for shift in shifts), default=None)
    return Timeline(
        pipeline="",
        champion="",
        batches=tuple(made),
        beside=of.beside if of.beside.features else None,
        learnt=of.learnt,
        score=of.score,
        changed=None if changed is None else changed - 1,
    )


def _changed(of: MadeUp, shift: Shift) -> str:
    """Return the column that changes, as ``table.column``; empty for the metric."""
    if shift.kind == VALUE:
        if of.metric is None or of.score is None or shift.name != of.metric.name:
            known = of.metric.name if of.metric and of.score else "none"
            found = f"found {shift.name}, a metric whose losses at the champion's test are known"
            raise AtlasError(f"shift of {shift.name}: {found}: {known}")
        return ""
    names = (f"features.{shift.name}", f"predictions.{shift.name}", shift.name)
    name = next((name for name in names if name in of.beside.features), None)
    if name is None:
        known = ", ".join([*of.beside.features][:20]) or "none"
        message = f"the reference has no such column; expected one of {known}"
        raise AtlasError(f"shift of {shift.name}: {message}")
    counted = of.beside.features[name].kind in COUNTED
    if (shift.kind == SPREADS and counted) or (shift.kind == NEW and not counted):
        found = f"found a {of.beside.features[name].kind}"
        expected = "a number for sd" if counted else "categories for new"
        raise AtlasError(f"shift of {shift.name}: {found}, expected {expected}")
    return name


def _drawn(feature: Feature, shift: Shift | None, rows: int, random: Any) -> Feature:
    """Return the counts of a column of so many rows."""
    from dataclasses import replace

    import numpy

    absent = (feature.missing + feature.foreign) / max(feature.rows, 1)
    if shift is not None and shift.kind == MISSING:
        absent = max(absent, shift.size)
    missing = int(random.binomial(rows, min(absent, 1.0))) if feature.present else rows
    shares = feature.counts / max(feature.present, 1)
    counts = random.multinomial(rows - missing, shares) if feature.present else feature.counts * 0
    if shift is not None and shift.kind == SPREADS and feature.present:
        counts = _moved(feature, counts, shift.size, random)
    if shift is not None and shift.kind == NEW:
        gone = random.binomial(counts, shift.size)
        counts = counts - gone
        counts[-1] += gone.sum()
    made = numpy.asarray(counts, dtype=numpy.int64)
    return replace(feature, rows=rows, missing=missing, foreign=0, counts=made, unseen={})


def _moved(feature: Feature, counts: Array, spreads: float, random: Any) -> Array:
    """Return where rows are counted whose values have grown by so many standard deviations."""
    import numpy

    upper = numpy.append(feature.cuts, feature.high)
    lower = numpy.concatenate(([feature.low], feature.cuts)) if _is_dense(feature) else upper
    middle, share = (lower + upper) / 2.0, feature.counts / feature.present
    mean = float((middle * share).sum())
    spread = float((share * (middle - mean) ** 2).sum()) ** 0.5
    place = numpy.repeat(numpy.arange(len(counts)), counts)
    values = lower[place] + (upper - lower)[place] * random.random(len(place))
    # Above the last cut point only if it was before, or has grown.
    values = numpy.where(values > upper[place], upper[place], values) + spreads * spread
    later = numpy.searchsorted(feature.cuts, values, side="left")
    moved: Array = numpy.bincount(later, minlength=len(counts))
    return moved


def _is_dense(feature: Feature) -> bool:
    """Tell whether cut points are quantiles of many values, with values between them."""
    return len(feature.cuts) == CUTS


def _losses(of: MadeUp, name: str, value: float | None, rows: int, random: Any) -> LossSums | None:
    """Return losses of rows with the mean and the spread of the test's, or with another mean."""
    if of.metric is None or of.score is None or of.score.n < 1:
        return None
    mean = of.score.sum / of.score.n
    variance = max(of.score.sum_squares / of.score.n - mean * mean, 0.0)
    wanted = mean if value is None else of.metric.loss_of(value)
    if of.metric.range is not None and wanted > of.metric.range:
        raise ProfileError(f"{of.metric.name} can't be {value}")
    if value is None:
        losses = _like(of.metric, mean, variance, rows, random)
    elif of.metric.range is not None:
        losses = _right_or_wrong(wanted, of.metric.range, rows, random)
    else:  # larger errors
        grown = (wanted / mean) ** 2 if mean > 0.0 else 0.0
        losses = _like(of.metric, wanted, variance * grown, rows, random)
    return LossSums(name, rows, float(losses.sum()), float((losses**2).sum()))


def _right_or_wrong(mean: float, most: float, rows: int, random: Any) -> Array:
    drawn: Array = most * (random.random(rows) < mean / most).astype(float)
    return drawn


def _like(metric: RowMetric, mean: float, variance: float, rows: int, random: Any) -> Array:
    """Draw losses with a mean and a variance."""
    import numpy

    most = metric.range
    if most is not None and variance >= mean * (most - mean) * (1.0 - 1e-6):
        return _right_or_wrong(mean, most, rows, random)
    if mean <= 0.0 or variance <= 0.0:
        return numpy.full(rows, max(mean, 0.0))
    if most is not None:
        share = mean / most
        both = share * (1.0 - share) * most * most / variance - 1.0
        drawn: Array = most * random.beta(share * both, (1.0 - share) * both, rows)
        return drawn
    drawn = random.gamma(mean * mean / variance, variance / mean, rows)
    return drawn
