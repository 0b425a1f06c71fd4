"""The last interval of a schedule, for runs that a clock starts without saying when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from atlas.errors import AtlasError
from atlas.plan import Plan, Schedule
from atlas.step.ticks import last_interval


def plan(schedule: Schedule | None) -> Plan:
    return Plan("p", "p", "p", "training", "r", "e", "kubeflow", (), schedule=schedule)


@pytest.mark.parametrize(
    ("cron", "now", "start", "end"),
    [
        ("0 6 * * *", "2026-03-02T06:00:01", "2026-03-01T06:00", "2026-03-02T06:00"),
        ("0 6 * * *", "2026-03-02T06:00:00", "2026-03-01T06:00", "2026-03-02T06:00"),
        ("0 6 * * *", "2026-03-02T05:59:59", "2026-02-28T06:00", "2026-03-01T06:00"),
        ("*/20 * * * *", "2026-01-01T00:05", "2025-12-31T23:40", "2026-01-01T00:00"),
        ("0 0 1 * *", "2026-03-15T00:00", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("0 0 * * 7", "2026-03-04T00:00", "2026-02-22T00:00", "2026-03-01T00:00"),
        ("0 0 13 * fri", "2026-02-14T00:00", "2026-02-06T00:00", "2026-02-13T00:00"),
        ("0 0 29 feb *", "2026-01-01T00:00", "2020-02-29T00:00", "2024-02-29T00:00"),
        ("0 0 29 2 *", "1908-02-29T00:00", "1904-02-29T00:00", "1908-02-29T00:00"),
        ("0 0 29 2 *", "1904-03-01T00:00", "1896-02-29T00:00", "1904-02-29T00:00"),
    ],
)
def test_the_last_interval_that_is_over(cron, now, start, end):
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = last_interval(plan(Schedule(cron)), moment)
    assert found == (f"{start}:00+00:00", f"{end}:00+00:00")


def test_a_clock_without_a_schedule_is_told():
    with pytest.raises(AtlasError, match="p: was started by the clock, and has no schedule"):
        last_interval(plan(None), datetime.now(UTC))
