"""The intervals of a schedule in a range of time, in its time zone, as Airflow cuts them.

A time that the clocks skip in spring is taken right after the gap, and one that comes twice in
autumn is taken the second time. A schedule of every hour follows the hours that pass: in autumn it
has 25 of them on that day, in spring 23.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

from atlas.errors import AtlasError
from atlas.validate.schedule import comes_on, cron_fields, cron_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.plan import Schedule

Interval: TypeAlias = tuple[str, str]
"""Start and end, ISO 8601 in UTC; the end is exclusive."""
_DAYS = 366 * 9
"""Days to look ahead for an interval's end: two 29ths of February may be so far apart."""


def intervals(schedule: Schedule, first: datetime, end: datetime) -> list[Interval]:
    """Return the intervals of a schedule that begin in a range, the oldest first.

    Args:
        schedule: the schedule.
        first: start of the range.
        end: end of the range, exclusive.
    """
    zone = zone_of(schedule)
    begun: list[datetime] = []
    days = first.astimezone(zone).date() - timedelta(1), end.astimezone(zone).date()
    for tick in _ticks(schedule.cron, zone, *days):
        if tick >= first:
            begun.append(tick)
        if tick >= end:
            break
    return [(start.isoformat(), over.isoformat()) for start, over in pairwise(begun) if start < end]


def dated(start: str) -> str:
    """Return an interval's start as the ids of its runs have it: ``20260101T060000Z``.

    Args:
        start: ISO 8601 with a zone.
    """
    return f"{datetime.fromisoformat(start).astimezone(UTC):%Y%m%dT%H%M%SZ}"


def zone_of(schedule: Schedule) -> tzinfo:
    """Return a schedule's time zone."""
    return UTC if schedule.timezone == "UTC" else ZoneInfo(schedule.timezone)


def zoned(text: str, zone: tzinfo, option: str) -> datetime:
    """Return a moment; one that names no zone is in the schedule's.

    Args:
        text: ISO 8601: a date, or a date and a time.
        zone: of the schedule.
        option: what it is given as, for the message.

    Raises:
        AtlasError: it isn't a date or time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        expected = "expected ISO 8601, such as 2026-01-31 or 2026-01-31T06:00"
        raise AtlasError(f"{option}: '{text}' isn't a date or time; {expected}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _ticks(cron: str, zone: tzinfo, first: date, last_day: date) -> Iterator[datetime]:
    """Return the moments of a cron line in UTC, each once, of two days of its zone and between.

    Some that come later follow: at least one, for a line that comes at all.
    """
    minutes, hours, *_ = fields = cron_fields(cron)
    times = [time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)]
    is_hourly = cron_line(cron).split()[1] == "*"
    last = datetime.min.replace(tzinfo=UTC)
    for day in map(date.fromordinal, range(first.toordinal(), last_day.toordinal() + _DAYS)):
        if comes_on(cron, fields, day):
            naive = [datetime.combine(day, moment) for moment in times]
            for tick in _hourly(naive, zone) if is_hourly else _fixed(naive, zone):
                if tick > last:
                    last = tick
                    yield tick


def _fixed(naive: list[datetime], zone: tzinfo) -> list[datetime]:
    """Return the moments of times of a day; once one was skipped, none before its place follows."""
    ticks: list[datetime] = []
    shown = datetime.min
    for local in naive:
        if local > shown:
            ticks.append(max(_both(local, zone)))
            shown = ticks[-1].astimezone(zone).replace(tzinfo=None, fold=0)
    return ticks


def _hourly(naive: list[datetime], zone: tzinfo) -> list[datetime]:
    """Return every moment at which a clock of the zone shows one of the times."""
    ticks = {
        tick
        for local in naive
        for tick in _both(local, zone)
        if tick.astimezone(zone).replace(tzinfo=None, fold=0) == local
    }
    return sorted(ticks)


def _both(naive: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the moments that a time of a zone may be, in UTC: they differ when clocks change."""
    aware = naive.replace(tzinfo=zone)
    return aware.astimezone(UTC), aware.replace(fold=1).astimezone(UTC)
