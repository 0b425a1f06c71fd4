"""The features that are shown at length: the worst, with their shapes and past distances."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.monitor import drift
from atlas.monitor.report.content import Course, Line, Suspect
from atlas.monitor.report.shapes import Shape, absence_of, shape_of
from atlas.monitor.report.words import batch, percent
from atlas.profiles.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.monitor.drift import DriftLook, DriftRule, Measured

MOST, LEAST = 12, 4
"""How many features are shown at length at most, and how many where fewer have drifted."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at of one kind of table.

    Attributes:
        of: ``features`` or ``predictions``.
        reference: the champion's.
        batches: those of its life that have a number, or the last of them, in their order.
        numbers: the number of the look at each.
        names: what each batch is called on the page.
        rule: the rule of its looks.
        last: the look at the last batch.
    """

    of: str
    reference: Profile
    batches: Sequence[Profile]
    numbers: Sequence[int]
    names: Sequence[str]
    rule: DriftRule
    last: DriftLook


def suspects_of(looked: Looked) -> tuple[Suspect, ...]:
    """Return the features that have drifted, or are the nearest to it, the worst first."""
    worst: dict[str, Measured] = {}
    for measured in (*looked.last.alarms, *looked.last.measured):
        if measured.feature not in worst and len(worst) < (MOST if measured.alarms else LEAST):
            worst[measured.feature] = measured
    courses = _courses(looked, worst)
    return tuple(
        Suspect(name, looked.of, test, _shape(looked, test), courses.get(name))
        for name, test in worst.items()
    )


def _shape(looked: Looked, test: Measured) -> Shape | None:
    """Return the shape of the batches that a test is of, together."""
    window = [batch.features.get(test.feature) for batch in looked.batches[-test.window :]]
    parts = [Profile({feature.name: feature}) for feature in window if feature is not None]
    if not parts:
        return None
    together = reduce(Profile.__add__, parts)
    draw = absence_of if test.test == drift.ABSENCE else shape_of
    return draw(looked.reference.features[test.feature], together.features[test.feature])


def _courses(looked: Looked, worst: Mapping[str, Measured]) -> dict[str, Course]:
    """Return the distances so far, of the test and the window that each feature's worst test has.

    Only these features are looked at again; their thresholds are those of all.
    """
    reference = _part(looked.reference, worst)
    batches = [_part(batch, worst) for batch in looked.batches]
    found: dict[str, list[Measured | None]] = {name: [] for name in worst}
    for place, number in enumerate(looked.numbers):
        past = batches[: place + 1]
        tests = _tests(reference, past, number, looked)
        for name, test in worst.items():
            found[name].append(tests.get((name, test.test, test.window)))
    return {name: _course(worst[name], looked.names, past) for name, past in found.items()}


def _tests(
    reference: Profile, batches: Sequence[Profile], number: int, looked: Looked
) -> dict[tuple[str, str, int], Measured]:
    among = len(looked.reference.features)
    try:
        look = drift.look(reference, batches, number, looked.rule, among)
    except ProfileError:
        return {}
    return {(one.feature, one.test, one.window): one for one in look.measured}


def _part(profile: Profile, names: Mapping[str, Measured]) -> Profile:
    return Profile({name: profile.features[name] for name in names if name in profile.features})


def _course(test: Measured, names: Sequence[str], past: Sequence[Measured | None]) -> Course:
    """Return the picture of one feature's distance."""
    alarms = frozenset(place for place, one in enumerate(past) if one is not None and one.alarms)
    window = "each batch" if test.window == 1 else f"the last {test.window} batches each"
    since = f" First alarm: {batch(names[min(alarms)])}." if alarms else ""
    return Course(
        title=f"Distance of {test.feature}",
        batches=names,
        lines=(
            Line("distance", "now", [one.distance if one else None for one in past]),
            Line("threshold", "limit", [one.threshold if one else None for one in past]),
        ),
        alarms=alarms,
        percent=True,
        text=f"Distance of {test.test} over {len(names)} looks, {window}; "
        f"now {percent(test.distance)}, threshold {percent(test.threshold)}.{since}",
    )
