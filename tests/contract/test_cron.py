"""One cron line means the same moments to Airflow, to Kubeflow and to Atlas itself."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from atlas.load import Document
from atlas.plan import Schedule
from atlas.step.ticks import ticks
from atlas.targets.kubeflow.server.clock import cron_of, line_of
from atlas.validate.flat import DocumentPath
from atlas.validate.schedule import _FIELDS, cron_line, schedule_problems

croniter = pytest.importorskip("croniter").croniter
NOW = datetime(2027, 3, 1, 12, 34, tzinfo=UTC)
COUNT = 500
_HERE = DocumentPath(Document(Path("c.json"), "c.json", {}), ())
ODD = (
    "0 6-6 * * *", "0 6 6-6 * *", "0 6 * 6-6 *", "0 6 * * 3-3", "0-0 6 * * *", "0 6-6/2 * * *",
    "0 6 * * 1-1/2", "0 6 */1 * 1", "0 6 1-31 * 1", "0 6 1,* * 1", "0 6 15 * 1,*", "0 6 15 * */1",
    "0 6 15 * 0-7", "0 6 */2 * 1", "0 6 * * */7", "0 6 * * 5/2", "0 6 * * 1/3", "0 6 * * 7/1",
    "5/15 * * * *", "*/1 */1 * * *", "0 6 1-7 * MON", "0 6 * JAN-mar SUN", "00 06 * * 7", "0 6 29 2 *",
    "0,59 0,23 1,31 */12 0,7", "*/59 */23 */31 */12 */6", "0 6 * * 0-7/7", "1,*/7 * * * *",
    "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@quarterly", "@yearly", "@annually",
)  # fmt: skip


def lines(seed: int) -> list[str]:
    """Lines as people write them, and as nobody would."""
    chance = random.Random(seed)
    found = (" ".join(field(chance, *one) for one in _FIELDS) for _ in range(COUNT * 2))
    right = (line for line in found if not list(schedule_problems(_HERE, {"cron": line})))
    return list(islice(right, COUNT))


def field(chance: random.Random, _name: str, low: int, high: int) -> str:
    kind = chance.random()
    if kind < 0.3:
        return "*"
    if kind < 0.45:
        return f"*/{chance.randint(1, high)}"
    if kind < 0.6:
        return str(chance.randint(low, high))
    if kind < 0.85:
        ends = sorted((chance.randint(low, high), chance.randint(low, high)))
        step = f"/{chance.randint(1, 9)}" if chance.random() < 0.4 else ""
        return f"{ends[0]}-{ends[1]}{step}"
    several = sorted({str(chance.randint(low, high)) for _ in range(3)})
    return ",".join([*several, *(["*"] if chance.random() < 0.2 else [])])


def airflow(line: str, count: int = 6) -> list[datetime]:
    """The moments that Airflow's reader of cron gives, the last first."""
    found = croniter(line, NOW + timedelta(seconds=1))
    return [found.get_prev(datetime) for _ in range(count)]


def kubeflow(line: str, count: int = 6) -> list[datetime]:
    """The moments that robfig/cron 1.2, which Kubeflow has, gives for a line of lists.

    A field that is ``*`` has its star bit; of two restricted days one is enough. Source: its
    `SpecSchedule.Next` and `dayMatches`. Atlas writes no ranges and no steps for it.
    """
    seconds, *fields = cron_of(line_of(Schedule(line))).split()
    assert seconds == "0"
    assert not any(set("/-") & set(text) for text in fields), "lists alone"
    minutes, hours, days, months, weekdays = (
        set(range(60)) if text == "*" else {int(one) for one in text.split(",")} for text in fields
    )
    starred = "*" in (fields[2], fields[4])
    found: list[datetime] = []
    day = NOW.replace(hour=0, minute=0)
    while len(found) < count:
        is_day, is_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        both = is_day and is_weekday if starred else is_day or is_weekday
        if day.month in months and both:
            moments = (
                day.replace(hour=hour, minute=minute)
                for hour in sorted(hours, reverse=True)
                if hour < 24
                for minute in sorted(minutes, reverse=True)
            )
            found += [one for one in moments if one <= NOW]
        day -= timedelta(days=1)
    return found[:count]


def test_one_line_has_one_meaning_everywhere() -> None:
    for line in (*ODD, *lines(5)):
        normal = cron_line(line)
        expected = airflow(normal)
        assert kubeflow(normal) == expected, (line, normal)
        own = list(islice(ticks(line, NOW), 6))
        assert len(own) >= 2
        assert own == expected[: len(own)], (line, normal)
        assert cron_line(normal) == normal, line


def test_the_normal_form_means_what_airflow_reads_in_the_line() -> None:
    """All but ranges of one, of which croniter makes the whole range, steps from 7 on, and what it has no name for."""
    for line in (*ODD, *lines(6)):
        if not re.search(r"\b(\d+)-\1\b|\b7/|@quarterly", line):
            assert airflow(cron_line(line)) == airflow(line), line


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("0 6-6 * * *", "0 6 * * *"), ("*/1 * * * *", "* * * * *"), ("1,* * * * *", "* * * * *"),
        ("*/5 * * * *", "*/5 * * * *"), ("0,5,10 * * * *", "0,5,10 * * * *"),
        ("00 06 * JAN MON-FRI", "0 6 * 1 1-5"), ("0 6 * * 7", "0 6 * * 0"), ("@daily", "0 0 * * *"),
        ("0,30 6,7,8 * * *", "0,30 6-8 * * *"), ("0 6 */2 * 1", "0 6 " + ",".join(map(str, range(1, 32, 2))) + " * 1"),
        ("0 0 1 1,4,7,10 *", "0 0 1 */3 *"),
    ],
)  # fmt: skip
def test_the_normal_form(line, normal) -> None:
    assert cron_line(line) == normal


CHANGES = [
    ("Europe/Berlin", "2027-03-26"), ("Europe/Berlin", "2027-10-29"),
    ("America/New_York", "2027-03-12"), ("America/New_York", "2027-11-05"),
    ("Australia/Lord_Howe", "2027-04-02"), ("Pacific/Apia", "2027-10-01"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "start"), CHANGES)
def test_airflow_gives_both_forms_the_same_intervals_where_the_clock_changes(zone, start) -> None:
    pendulum = pytest.importorskip("pendulum")
    pytest.importorskip("airflow")
    from airflow.timetables.interval import CronDataIntervalTimetable

    first = pendulum.parse(start, tz=zone)
    for line in (
        "30 2 * * *",
        "0 2 * * *",
        "30 1 * * *",
        "0 */1 * * *",
        "*/20 0-3 * * 0,7",
        "@daily",
    ):
        moments = []
        for one in (line, cron_line(line)):
            table = CronDataIntervalTimetable(one, timezone=zone)
            found = [table._get_next(first)]
            for _ in range(40):
                found.append(table._get_next(found[-1]))
            moments.append(found)
        assert moments[0] == moments[1], line
        assert len(set(moments[0])) == len(moments[0])
