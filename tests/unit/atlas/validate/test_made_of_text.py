"""Params that text becomes at run time: dates, moments, paths, Enums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.validate import check
from tests.projects import Project

SOURCE = """
from datetime import date, datetime
from enum import Enum
from pathlib import Path

class Color(Enum):
    RED = "red"

class Out(NamedTuple):
    n: int

class Make(Template):
    day: date = date(2026, 1, 1)
    at: datetime | None = None
    color: Color = Color.RED
    path: Path = Path("x")
    def run(self) -> Out:
        return Out(1)
"""
PARAMETERS = {
    "day": {"type": "string", "default": "2026-01-31"},
    "word": {"type": "string", "default": "yesterday"},
    "color": {"type": "string", "default": "red"},
    "number": {"type": "integer", "default": 1},
}
RIGHT: list[dict[str, Any]] = [
    {"day": "2026-02-28", "at": "2026-02-28T06:00+01:00", "color": "red", "path": "/data"},
    {"day": {"parameter": "day"}, "at": {"parameter": "day"}},
    {"at": {"run": "interval_start"}},
    {"color": {"parameter": "color"}, "path": {"run": "id"}},
    {"at": None},
]
WRONG: list[dict[str, Any]] = [
    {"day": "2026-13-02"},
    {"color": "RED"},
    {"color": {"parameter": "word"}},
    {"day": 5},
    {"day": None},
    {"day": {"parameter": "word"}},
    {"day": {"parameter": "number"}},
    {"day": {"run": "interval_start"}},
    {"at": "noon"},
    {"path": 3},
]


@pytest.fixture
def told(tmp_path: Path):
    """Give the problems of a step with some params."""

    def of(params: dict[str, Any]) -> list[str]:
        project = Project(tmp_path)
        used = {name for one in params.values() if isinstance(one, dict) for name in one.values()}
        parameters = {name: one for name, one in PARAMETERS.items() if name in used}
        steps = {"make": {"class": "steps:Make", "params": params}}
        project.pipeline("p", SOURCE, steps, parameters=parameters)
        found = check(tmp_path / "p").problems
        return [f"{one.code} {one.path}" for one in found if one.severity == "error"]

    return of


@pytest.mark.parametrize("params", RIGHT, ids=str)
def test_text_that_becomes_what_is_asked_for(told, params):
    assert told(params) == []


@pytest.mark.parametrize("params", WRONG, ids=str)
def test_what_doesnt_is_told_before_it_runs(told, params):
    assert told(params) == [f"R017 steps.make.params.{name}" for name in params]
