"""The gaps between the ticks of a schedule: never shorter than the real ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.validate.gaps import DAY, WEEK, Gaps, LongerGap, first_end, gaps_of, zone_of
from atlas.validate.schedule import comes_on, cron_fields

HOUR = 3600


def gap_after(gaps: Gaps, tick: float) -> int:
    """Return what the gaps say of the time after a tick, as the rule adds it up."""
    return gaps.usual + sum(gap.more for gap in gaps.longer if tick % gap.period == gap.second)


def ticks(cron: str, zone: str, days: int) -> list[float]:
    """Return the ticks of local time from 2026 on; one that clocks leave out comes an hour later.

    A schedule of every hour ticks in both hours where clocks are put back, as in Airflow.
    """
    folds = (0, 1) if cron.split()[1] == "*" else (0,)
    fields, start = cron_fields(cron), datetime(2026, 1, 1)
    found = set()
    for day in (start + timedelta(days=n) for n in range(days)):
        for hour in fields[1] if comes_on(cron, fields, day.date()) else ():
            for minute in fields[0]:
                local = day.replace(hour=hour, minute=minute, tzinfo=zone_of(zone))
                found |= {local.replace(fold=fold).timestamp() for fold in folds}
    return sorted(found)


@pytest.mark.parametrize(
    ("cron", "zone", "usual", "longest"),
    [
        ("0 6 * * *", "UTC", DAY, DAY),
        ("@hourly", "Europe/Berlin", HOUR, HOUR),
        ("*/5 * * * *", "Europe/Berlin", 300, 300),
        ("0 6 * * *", "Europe/Berlin", DAY + HOUR, DAY + HOUR),
        ("0 6 * * 1-5", "UTC", DAY, 3 * DAY),
        ("*/5 9-17 * * 1-5", "UTC", 300, 63 * HOUR + 300),
        ("0 0 1 * *", "UTC", 31 * DAY, 31 * DAY),
        ("0 0 29 2 *", "UTC", 1461 * DAY, 1461 * DAY),
        ("0 0 13 * 5", "UTC", WEEK, WEEK),
    ],
)
def test_gaps(cron: str, zone: str, usual: int, longest: int) -> None:
    gaps = gaps_of({"cron": cron, "timezone": zone})
    assert (gaps.usual, gaps.longest) == (usual, longest)


def test_friday_is_the_one_day_with_a_longer_gap() -> None:
    gaps = gaps_of({"cron": "0 6 * * 1-5"})
    assert gaps.longer == (LongerGap(WEEK, DAY + 6 * HOUR, 2 * DAY),)


def test_every_night_is_one_longer_gap() -> None:
    gaps = gaps_of({"cron": "0 9-17 * * *"})
    assert gaps.longer == (LongerGap(DAY, 17 * HOUR, 15 * HOUR),)


def test_a_schedule_with_many_gaps_is_given_a_longer_usual_one() -> None:
    gaps = gaps_of({"cron": "0,7,19,31,50 3,11,16,20 * * 2,4"})
    assert len(gaps.longer) <= 24
    assert gaps.usual > 7 * 60


CRON = st.builds(
    lambda minute, hour, weekday: f"{minute} {hour} * * {weekday}",
    st.sampled_from(["0", "30", "*/20", "7,9"]),
    st.sampled_from(["*", "6", "2", "9-17", "0,12", "*/6"]),
    st.sampled_from(["*", "1-5", "0", "2,4", "6,0"]),
)


@settings(max_examples=40, deadline=None)
@given(CRON, st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
def test_no_gap_of_two_years_is_longer_than_said(cron: str, zone: str) -> None:
    gaps = gaps_of({"cron": cron, "timezone": zone})
    for tick, following in pairwise(ticks(cron, zone, 400)):
        assert following - tick <= gap_after(gaps, tick), (
            cron,
            zone,
            datetime.fromtimestamp(tick, UTC),
        )


def test_the_first_interval_ends_with_the_second_tick() -> None:
    assert first_end({"cron": "0 6 * * *"}) == 0
    end = datetime(2026, 1, 2, 6, tzinfo=UTC).timestamp()
    assert first_end({"cron": "0 6 * * *", "start": "2026-01-01"}) == end
    assert first_end({"cron": "0 6 * * *", "start": "2025-12-31T06:01"}) == end
    berlin = {"cron": "0 6 * * *", "start": "2026-01-01", "timezone": "Europe/Berlin"}
    assert first_end(berlin) == end - HOUR
