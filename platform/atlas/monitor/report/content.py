"""The content of the page, as plain data."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.monitor.drift import Measured
    from atlas.monitor.report.shapes import FeatureShape

FIRED, WARNS, NEAR, QUIET = "fired", "warns", "nearly spent", "quiet"
"""States of a trigger; `QUIET` is armed, and nothing of note."""


@dataclass(frozen=True, slots=True)
class TriggerLine:
    """One trigger.

    Attributes:
        name: ``drift``, ``new_rows``, ``new_labels``, ``degradation``, ``estimate``.
        state: `FIRED`, `WARNS`, `NEAR`, `QUIET`, or another word.
        why: what was found, in a sentence.
        value: what was measured; None where nothing was.
        threshold: what it is compared with.
        unit: of both.
        spent: of the risk of a false alarm; None where no risk is stated.
        budget: of a champion's whole life.
    """

    name: str
    state: str
    why: str = ""
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    spent: float | None = None
    budget: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity over batches.

    Attributes:
        name: what it is.
        style: how it is drawn: ``now``, ``then``, ``limit``, ``plan``.
        values: one a batch; None for a gap.
    """

    name: str
    style: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Course:
    """What is drawn over batches.

    Attributes:
        title: what the picture shows.
        batches: what each place is called: the end of its interval, or its number.
        lines: the quantities.
        band: low and high ends of one of them, as its bound has them.
        alarms: places that are alarms.
        percent: whether the numbers are shares.
        text: what the picture says, in words.
        said: what each place stands for; empty for the numbers themselves.
    """

    title: str
    batches: Sequence[str]
    lines: Sequence[Line]
    band: tuple[Sequence[float | None], Sequence[float | None]] | None = None
    alarms: frozenset[int] = frozenset()
    percent: bool = False
    text: str = ""
    said: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Suspect:
    """One feature, shown at length.

    Attributes:
        name: the column.
        of: ``features`` or ``predictions``.
        measured: its test of the lowest chance.
        shape: its distribution then and now; None where that can't be drawn.
        course: its distance over batches.
    """

    name: str
    of: str
    measured: Measured
    shape: FeatureShape | None = None
    course: Course | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, or a retraining.

    Attributes:
        time: ISO 8601 in UTC.
        what: the trigger.
        state: what became of it.
        why: in words.
        id: of the event.
    """

    time: str
    what: str
    state: str
    why: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class MonitorPage:
    """What there is to show of one pipeline.

    Attributes:
        pipeline: its deployed name.
        environment: the Environment's name.
        model: the registered name.
        version: the champion's.
        checked: when it was looked at, ISO 8601 in UTC.
        facts: further facts of the champion, by name.
        triggers: the triggers.
        broken: how many promises of the training data the last batch breaks.
        looks: how many looks for drift there were in the champion's life.
        budgets: risk spent over looks, a picture for each kind of table.
        suspects: features that are shown at length, the worst first.
        measured: every test, by the kind of table.
        gone: columns that the last batch doesn't have.
        unseen: column → new categories of the last batch, with their rows.
        performance: running loss and its like.
        counts: rows and labels since training.
        breaches: batch → what it breaks of what training's data promise.
        happenings: events and retrainings, the newest first.
        warnings: what couldn't be looked at, and why.
    """

    pipeline: str
    environment: str
    model: str
    version: str
    checked: str
    facts: Mapping[str, str] = field(default_factory=dict)
    triggers: tuple[TriggerLine, ...] = ()
    broken: int = 0
    looks: int = 0
    budgets: tuple[Course, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    measured: Mapping[str, tuple[Measured, ...]] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    unseen: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    performance: tuple[Course, ...] = ()
    counts: tuple[Course, ...] = ()
    breaches: tuple[tuple[str, str], ...] = ()
    happenings: tuple[Happening, ...] = ()
    warnings: tuple[str, ...] = ()
