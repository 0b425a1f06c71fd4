"""Cron fields, time zones and starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.load import Document
from atlas.validate.flat import DocumentPath
from atlas.validate.schedule import cron_values, schedule_problems, zone_exists

HERE = DocumentPath(Document(Path("c.json"), "c.json", {}), ("schedule", "training"))


def problems(**schedule: str) -> list[str]:
    return [
        f"{one.path.rpartition('.')[2]}: {one.message}" for one in schedule_problems(HERE, schedule)
    ]


RIGHT = [
    "* * * * *", "0 6 * * *", "*/15 * * * *", "0,30 8-18 * * 1-5", "0 0 1 1 0", "59 23 31 12 7",
    "0 6 * JAN-mar Mon,wed", "5/10 * * * *", "0 0 29 2 *", "0 0 31 * *", "0 0 31 2 1", "1-5/2 * * * *",
    "0  6 * * *", "00 06 * * *",
]  # fmt: skip


@pytest.mark.parametrize("cron", RIGHT)
def test_a_line_that_cron_takes(cron: str) -> None:
    assert problems(cron=cron) == []


WRONG = {
    "60 * * * *": "'60' isn't a valid minute",
    "* 24 * * *": "'24' isn't a valid hour",
    "* * 0 * *": "'0' isn't a valid day of the month",
    "* * * 13 *": "'13' isn't a valid month",
    "* * * * 8": "'8' isn't a valid day of the week",
    "jan * * * *": "'jan' isn't a valid minute",
    "* * * mon *": "'mon' isn't a valid month",
    "_ * * * *": "'_' isn't a valid minute",
    "² * * * *": "'²' isn't a valid minute",
    "٣ * * * *": "'٣' isn't a valid minute",
    "5-1 * * * *": "'5-1' isn't a valid minute",
    "*/0 * * * *": "'*/0' isn't a valid minute",
    "1,,2 * * * *": "'1,,2' isn't a valid minute",
    ", * * * *": "',' isn't a valid minute",
    "-1 * * * *": "'-1' isn't a valid minute",
    "1-2-3 * * * *": "'1-2-3' isn't a valid minute",
    "L * * * *": "'L' isn't a valid minute",
    "? * * * *": "'?' isn't a valid minute",
    "001 * * * *": "'001' isn't a valid minute",
    "0 0 30 2 *": "that day never comes: none of these months is so long",
    "0 0 31 4,6,9,11 *": "that day never comes: none of these months is so long",
}


@pytest.mark.parametrize("cron", WRONG)
def test_a_line_that_never_comes(cron: str) -> None:
    assert problems(cron=cron) == [f"cron: {WRONG[cron]}"]


def test_every_field_is_told() -> None:
    assert len(problems(cron="60 24 32 13 8")) == 5


def test_values() -> None:
    assert cron_values("*/20", "minute", 0, 59) == {0, 20, 40}
    assert cron_values("50/5", "minute", 0, 59) == {50, 55}
    assert cron_values("fri", "day of the week", 0, 7) == {5}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"])
def test_a_zone(zone: str) -> None:
    assert zone_exists(zone)
    assert problems(cron="0 0 * * *", timezone=zone) == []


@pytest.mark.parametrize(
    "zone",
    ["", "Europe", "Mars/Base", "../../etc/passwd", "/etc/localtime", "a\0", "x" * 100, "\u202e"],
)
def test_no_zone(zone: str) -> None:
    assert not zone_exists(zone)


@pytest.mark.parametrize(
    "start", ["2026-01-01", "2024-02-29", "2026-01-01T06:00", "2026-01-01T06:00:30"]
)
def test_a_start(start: str) -> None:
    assert problems(cron="0 0 * * *", start=start) == []


@pytest.mark.parametrize(
    "start", ["2026-02-30", "2026-13-01", "0000-01-01", "2026-01-01T24:00", "2023-02-29"]
)
def test_no_start(start: str) -> None:
    assert problems(cron="0 0 * * *", start=start) == [f"start: '{start}' isn't a date or time"]
