"""Intervals of a schedule in a range: time zones, and the days on which clocks change."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from atlas.errors import AtlasError
from atlas.plan import Schedule
from atlas.step.intervals import intervals, zoned

BERLIN = "Europe/Berlin"


def starts(cron: str, zone: str, first: str, end: str) -> list[str]:
    """Return when intervals start, as day and time in UTC."""
    schedule = Schedule(cron, zone)
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, end)]
    return [start[5:16].replace("T", " ") for start, _ in intervals(schedule, *moments)]


@pytest.mark.parametrize(
    ("cron", "first", "end", "expected"),
    [
        # As Airflow 3.3's CronDataIntervalTimetable gives them.
        ("30 2 * * *", "2026-03-28", "2026-03-31", ["03-28 01:30", "03-29 01:30", "03-30 00:30"]),
        ("30 2 * * *", "2026-10-24", "2026-10-27", ["10-24 00:30", "10-25 01:30", "10-26 01:30"]),
        ("0 1-4 * * *", "2026-03-29", "2026-03-29T12:00", ["03-29 00:00", "03-29 01:00", "03-29 02:00"]),
        (
            "0 1-4 * * *", "2026-10-24T20:00", "2026-10-25T12:00",
            ["10-24 23:00", "10-25 01:00", "10-25 02:00", "10-25 03:00"],
        ),
        (
            "0 * * * *", "2026-10-24T22:00", "2026-10-25T03:00",
            ["10-24 22:00", "10-24 23:00", "10-25 00:00", "10-25 01:00", "10-25 02:00"],
        ),
        (
            "0 * * * *", "2026-03-28T23:00", "2026-03-29T03:00",
            ["03-28 23:00", "03-29 00:00", "03-29 01:00", "03-29 02:00"],
        ),
        ("5,45 0,2,3 * * *", "2026-03-29", "2026-03-29T03:00", ["03-29 01:05", "03-29 01:45"]),
    ],
)  # fmt: skip
def test_intervals_of_berlin_on_the_days_on_which_clocks_change(
    cron: str, first: str, end: str, expected: list[str]
) -> None:
    assert starts(cron, BERLIN, first, end) == expected


def test_intervals_follow_each_other_without_a_gap_and_their_ends_are_exclusive() -> None:
    schedule = Schedule("0 6 * * *", BERLIN)
    first, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    found = intervals(schedule, first, end)
    assert len(found) == 365
    assert all(before[1] == after[0] for before, after in itertools.pairwise(found))
    lengths = {
        datetime.fromisoformat(over) - datetime.fromisoformat(start) for start, over in found
    }
    assert lengths == {timedelta(hours=hours) for hours in (23, 24, 25)}


def test_a_range_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    assert starts("0 6 * * *", "UTC", "2026-01-01T06:00", "2026-01-03T06:00") == [
        "01-01 06:00",
        "01-02 06:00",
    ]
    assert starts("0 6 * * *", "UTC", "2026-01-01T06:01", "2026-01-02T06:00") == []


def test_an_interval_that_begins_in_the_range_may_end_years_behind_it() -> None:
    schedule = Schedule("0 0 29 2 *", "UTC")
    first, end = datetime(2096, 1, 1, tzinfo=UTC), datetime(2097, 1, 1, tzinfo=UTC)
    assert intervals(schedule, first, end) == [
        ("2096-02-29T00:00:00+00:00", "2104-02-29T00:00:00+00:00")
    ]


def test_decades_are_a_range_too() -> None:
    schedule = Schedule("0 0 1 1 *", "UTC")
    found = intervals(schedule, datetime(1990, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    assert len(found) == 36


def test_a_time_without_a_zone_is_the_schedules() -> None:
    zone = ZoneInfo(BERLIN)
    assert zoned("2026-07-01", zone, "--from").isoformat() == "2026-06-30T22:00:00+00:00"
    assert zoned("2026-07-01T00:00+00:00", zone, "--from").hour == 0
    with pytest.raises(AtlasError, match="--to: 'July' isn't a date or time; expected ISO 8601"):
        zoned("July", zone, "--to")
