"""The tables of a flow that are monitored, as a Plan names them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from atlas.validate.schedule import comes_on, cron_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.config import ColumnStatistics
    from atlas.environment import Environment
    from atlas.validate.subject import Subject

_FIRST, _DAYS, _TICKS = date(2024, 1, 1), 366 * 5, 200
"""A Monday, how many days from it are looked at, and for how many moments at most."""


def monitored_tables(
    subject: Subject, environment: Environment
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each table of the Config's ``statistics`` that a step of this flow gives.

    Of training, also how it is learnt from.
    """
    config, is_training = subject.file.config, subject.flat.flow == "training"
    for table, spec in config.statistics.items():
        named = spec.training if is_training and spec.training is not None else spec.source
        source = subject.part_source(named)
        if source.name in subject.flat.steps:
            place = {"step": source.name, "output": source.output}
            learnt = _learnt(spec, subject, environment) if is_training and config.model else {}
            yield table, {**place, "columns": list(spec.columns), **learnt}


def _learnt(spec: ColumnStatistics, subject: Subject, environment: Environment) -> dict[str, Any]:
    config = subject.file.config
    schedules = {**config.schedule, **environment.schedules.get(config.name, {})}
    has_times = spec.time or any(data.time for data in config.data.values())
    in_blocks = has_times and "inference" in schedules
    every = seconds_between(schedules["inference"]["cron"]) if in_blocks else 0.0
    scored = {"score": spec.score, "label": spec.label, "positive": spec.positive}
    facts = {"time": spec.time, "every": every, **(scored if spec.label else {})}
    return {name: value for name, value in facts.items() if value or name == "positive"}


def seconds_between(cron: str) -> float:
    """Return how long the intervals of a cron line are, in seconds: the middle one of many."""
    gaps = [
        (later - tick).total_seconds() for tick, later in pairwise(islice(_ticks(cron), _TICKS))
    ]
    return sorted(gaps)[(len(gaps) - 1) // 2] if gaps else 0.0


def _ticks(cron: str) -> Iterator[datetime]:
    minutes, hours, *_ = fields = cron_fields(cron)
    times = [time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)]
    for number in range(_DAYS):
        day = _FIRST + timedelta(number)
        if comes_on(cron, fields, day):
            yield from (datetime.combine(day, moment) for moment in times)
