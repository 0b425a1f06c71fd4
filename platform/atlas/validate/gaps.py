"""How long it is from one tick of a schedule to the next, for rules that can't read cron lines."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.validate.schedule import comes_on, cron_fields, cron_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HOUR, DAY, WEEK = 3600, 86400, 604800
_EPOCH_WEEKDAY = 4
"""1970-01-01 was a Thursday; cron counts from Sunday."""
_MOST = 24
"""Ticks with a longer gap of their own; of more, the rest is given the gap of these."""
_NIGHT_ENDS = 6 * 3600
"""Clocks are changed before six in the morning."""
_DAYS = 366 * 9
"""Days to look at: two 29ths of February may be eight years apart."""
_FIRST = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class LongerGap:
    """Ticks after which the next one comes later than usual.

    Attributes:
        period: `DAY` or `WEEK`, in seconds.
        second: the tick's Unix time modulo the period.
        more: by how many seconds the gap is longer than usual.
    """

    period: int
    second: int
    more: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """The gaps between the ticks of a schedule; none is longer than they say.

    Attributes:
        usual: seconds from a tick to the next.
        longer: ticks after which it is longer.
    """

    usual: int
    longer: tuple[LongerGap, ...] = ()

    @property
    def longest(self) -> int:
        """Seconds of the longest gap."""
        return self.usual + max((gap.more for gap in self.longer), default=0)


def gaps_of(schedule: Mapping[str, str]) -> Gaps:
    """Return the gaps of a schedule (``cron``, ``timezone``) that validation found right.

    Where clocks are put back, a gap over night is given the hour more that one of the year has;
    schedules of every hour go on through it. Where days of the month or months are restricted,
    every gap is given the longest.
    """
    cron = cron_line(schedule["cron"])
    offsets = _offsets(zone_of(schedule.get("timezone", "UTC")))
    _, hours, days, months, _ = cron.split()
    extra = max(offsets) - min(offsets)
    if (days, months) != ("*", "*"):
        return Gaps(_longest(cron) + extra)
    ticks = _week(cron)
    gaps = {
        tick: _gap(tick, following, extra, is_hourly=hours == "*")
        for tick, following in zip(ticks, [*ticks[1:], ticks[0]], strict=True)
    }
    usual = _usual(list(gaps.values()))
    longer = {tick: gap - usual for tick, gap in gaps.items() if gap > usual}
    return Gaps(usual, tuple(_moved(longer, offsets)))


def first_end(schedule: Mapping[str, str]) -> int:
    """Return the Unix time at which the first interval of a schedule ends; 0 without a start."""
    if "start" not in schedule or not schedule["start"]:
        return 0
    zone = zone_of(schedule.get("timezone", "UTC"))
    start = datetime.fromisoformat(schedule["start"])
    ticks = (tick for tick in _ticks(cron_line(schedule["cron"]), start.date()) if tick >= start)
    ends = [*islice(ticks, 2)]
    return int(ends[-1].replace(tzinfo=zone).timestamp()) if ends else 0


def zone_of(name: str) -> tzinfo:
    """Return a time zone; UTC needs no database."""
    from zoneinfo import ZoneInfo

    return UTC if name == "UTC" else ZoneInfo(name)


def _offsets(zone: tzinfo) -> set[int]:
    """Return the offsets from UTC that a zone has in these years, in seconds."""
    noons = (
        datetime(year, month, 1, 12, tzinfo=zone)
        for year in (2026, 2027, 2028)
        for month in range(1, 13)
    )
    offsets = (noon.utcoffset() for noon in noons)
    return {int(offset.total_seconds()) for offset in offsets if offset is not None}


def _gap(tick: int, following: int, extra: int, *, is_hourly: bool) -> int:
    """Return the gap between two ticks of a week, with what a change of clocks may add to it."""
    gap = (following - tick) % WEEK or WEEK
    is_by_day = tick // DAY == following // DAY and tick % DAY >= _NIGHT_ENDS and following > tick
    goes_on = is_hourly and gap <= _HOUR
    return gap if is_by_day or goes_on else gap + extra


def _usual(gaps: list[int]) -> int:
    """Return the shortest gap that all but a few are no longer than."""
    ordered = sorted(gaps)
    fitting = (gap for gap in ordered if sum(other > gap for other in ordered) <= _MOST)
    return next(fitting)


def _moved(longer: Mapping[int, int], offsets: set[int]) -> Iterator[LongerGap]:
    """Return the longer gaps in Unix time, at every offset of the zone; equal days as one."""
    moved: dict[int, int] = {}
    for tick, more in longer.items():
        for offset in offsets:
            second = (tick - _EPOCH_WEEKDAY * DAY - offset) % WEEK
            moved[second] = max(more, moved.get(second, 0))
    daily = {(second % DAY, more) for second, more in moved.items()}
    for second, more in sorted(daily):
        weekly = [tick for tick, of in moved.items() if (tick % DAY, of) == (second, more)]
        if len(weekly) * DAY == WEEK:
            yield LongerGap(DAY, second, more)
        else:
            yield from (LongerGap(WEEK, tick, more) for tick in sorted(weekly))


def _week(cron: str) -> list[int]:
    """Return the ticks of a week that begins on Sunday, in seconds."""
    *_, weekdays = cron_fields(cron)
    times = _times(cron)
    return [day * DAY + second for day in sorted(weekdays) for second in times]


def _times(cron: str) -> list[int]:
    """Return the ticks of a day, in seconds."""
    minutes, hours, *_ = cron_fields(cron)
    return [hour * 3600 + minute * 60 for hour in sorted(hours) for minute in sorted(minutes)]


def _longest(cron: str) -> int:
    """Return the longest gap of a cron line."""
    times = _times(cron)
    fields = cron_fields(cron)
    days = [n for n in range(_DAYS) if comes_on(cron, fields, _FIRST + timedelta(days=n))]
    within = [later - earlier for earlier, later in pairwise(times)]
    between = [(later - earlier) * DAY - times[-1] + times[0] for earlier, later in pairwise(days)]
    return max([*within, *between], default=_DAYS * DAY)


def _ticks(cron: str, first: date) -> Iterator[datetime]:
    """Return the ticks from a day on, in local time."""
    fields = cron_fields(cron)
    midnight = time()
    for day in (first + timedelta(days=n) for n in range(_DAYS)):
        if comes_on(cron, fields, day):
            start = datetime.combine(day, midnight)
            yield from (start + timedelta(seconds=second) for second in _times(cron))
