"""The interval of a run that a clock has started, where whoever starts it can't tell.

Kubeflow gives the runs of a recurring run no moment of their own: what its parameters should have
been replaced by stands in them as it was written (API server 2.16.1). So the first step of such a
run takes the last interval that is over, and binds it for the whole run.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.validate.schedule import comes_on, cron_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.plan import Plan

BY_CLOCK = "schedule"
"""What is given in place of an interval's end for the last interval of the Plan's schedule."""
_DAYS = 366 * 9
"""Days to look back: two 29ths of February may be eight years apart."""


def last_interval(plan: Plan, now: datetime) -> tuple[str, str]:
    """Return start and end, ISO 8601, of the last interval of a Plan's schedule that is over.

    Raises:
        AtlasError: the Plan has no schedule, or one that has not come twice yet.
    """
    if plan.schedule is None:
        raise AtlasError(f"{plan.name}: was started by the clock, and has no schedule")
    moments = [moment.isoformat() for moment in islice(ticks(plan.schedule.cron, now), 2)]
    if len(moments) < 2:  # noqa: PLR2004 - an interval's two ends
        raise AtlasError(f"{plan.name}: '{plan.schedule.cron}' has not come twice before {now}")
    return moments[1], moments[0]


def ticks(cron: str, now: datetime) -> Iterator[datetime]:
    """Return the moments of a cron line in UTC, up to now, the last first."""
    minutes, hours, *_ = fields = cron_fields(cron)
    times = [time(h, m, tzinfo=UTC) for h in sorted(hours)[::-1] for m in sorted(minutes)[::-1]]
    today = now.astimezone(UTC).date()
    for day in (today - timedelta(days) for days in range(_DAYS)):
        if comes_on(cron, fields, day):
            moments = (datetime.combine(day, time) for time in times)
            yield from (moment for moment in moments if moment <= now)
