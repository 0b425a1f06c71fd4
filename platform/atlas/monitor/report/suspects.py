"""The features that are shown at length: the worst, with their shapes and past distances."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.monitor.drift import ABSENCE
from atlas.monitor.report.content import Course, Line, Suspect
from atlas.monitor.report.shapes import FeatureShape, absence_of, shape_of
from atlas.monitor.report.words import batch, percent
from atlas.profiles.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.monitor.drift import Measured

MOST, LEAST = 12, 4
"""How many features are shown at length at most, and how many where fewer have drifted."""


@dataclass(frozen=True, slots=True)
class PastLook:
    """What one look saw.

    Attributes:
        name: what its batch is called: its interval's end, or its run.
        tests: column → of its tests, the one that is most against it.
    """

    name: str
    tests: Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class LookedTable:
    """What was looked at of one kind of table.

    Attributes:
        of: ``features`` or ``predictions``.
        measured: what the last look saw, those of the lowest chance first.
        past: the looks so far, or the last of them; the last one last.
        reference: the champion's; None where it can't be read any more.
        window: the batches of the last look, the last one last; empty likewise.
    """

    of: str
    measured: Sequence[Measured]
    past: Sequence[PastLook]
    reference: Profile | None = None
    window: Sequence[Profile] = ()


def suspects_of(looked: LookedTable) -> tuple[Suspect, ...]:
    """Return the features that have drifted, or are the nearest to it, the worst first."""
    worst: dict[str, Measured] = {}
    for measured in sorted(looked.measured, key=lambda one: not one.alarms):
        if measured.feature not in worst and len(worst) < (MOST if measured.alarms else LEAST):
            worst[measured.feature] = measured
    return tuple(
        Suspect(name, looked.of, test, _shape(looked, test), _course(looked, test))
        for name, test in worst.items()
    )


def _shape(looked: LookedTable, test: Measured) -> FeatureShape | None:
    """Return the shape of the batches that a test is of, together."""
    then = looked.reference.features.get(test.feature) if looked.reference else None
    window = [batch.features.get(test.feature) for batch in looked.window[-test.window :]]
    parts = [Profile({feature.name: feature}) for feature in window if feature is not None]
    if then is None or not parts:
        return None
    draw = absence_of if test.test == ABSENCE else shape_of
    return draw(then, reduce(Profile.__add__, parts).features[test.feature])


def _course(looked: LookedTable, test: Measured) -> Course:
    """Return the picture of one feature's distance at each look, as a share of its threshold."""
    past = [look.tests.get(test.feature) for look in looked.past]
    names = [look.name for look in looked.past]
    alarms = frozenset(place for place, one in enumerate(past) if one is not None and one.alarms)
    since = f" First alarm: {batch(names[min(alarms)])}." if alarms else ""
    return Course(
        title=f"Distance of {test.feature}",
        batches=names,
        lines=(
            Line("distance", "now", [one.of_threshold if one else None for one in past]),
            Line("threshold", "limit", [1.0] * len(past)),
        ),
        alarms=alarms,
        percent=True,
        text=f"Largest distance at each of {len(names)} looks, in percent of its threshold; now "
        f"{percent(test.of_threshold)}.{since}",
        said=tuple(map(_said, names, past)),
    )


def _said(name: str, test: Measured | None) -> str:
    """Return what a point of the picture stands for."""
    if test is None:
        return batch(name)
    window = "1 batch" if test.window == 1 else f"{test.window} batches"
    return (
        f"{batch(name)}, {window}: {test.test} {percent(test.distance)} away, "
        f"threshold {percent(test.threshold)}"
    )
