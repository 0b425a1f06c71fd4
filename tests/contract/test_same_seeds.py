"""The same seeds give the same artifacts, however many steps run at once and wherever they run."""

from __future__ import annotations

import pytest

from atlas.runner import RunSettings
from tests.projects import project

__all__ = ["project"]

SOURCE = """
import os
import random
import time
from pathlib import Path

import numpy as np

CHANCE = np.random.default_rng(7)
COUNT = []

class Keys(NamedTuple):
    keys: list[int]

class Said(NamedTuple):
    said: Any

class Keep(Template):
    def run(self) -> Keys:
        return Keys(list(range(6)))

class Draw(Template):
    def run(self, key: int) -> Said:
        np.random.seed(key)
        random.seed(key)
        os.environ["KEY"] = str(key)
        np.set_printoptions(precision=key + 1)
        place = Path("place", str(key))
        place.mkdir(parents=True, exist_ok=True)
        os.chdir(place)
        COUNT.append(key)
        found = []
        for _ in range(5):
            time.sleep(0.01)
            found += [float(np.random.random()), random.random(), float(CHANCE.random())]
        where = os.getcwd().rpartition("/")[2]
        return Said([found, os.environ["KEY"], where, COUNT, repr(np.array([1 / 3]))])

class Fresh(Template):
    def run(self, key: int) -> Said:
        state = ["KEY" in os.environ, os.getcwd().rpartition("/")[2], COUNT]
        return Said([state, float(np.random.random()), random.random()])

class Join(Template):
    def run(self, said: list[Any], fresh: list[Any]) -> Said:
        assert len({one[1] for one in fresh}) == len({one[2] for one in fresh}) == len(fresh)
        return Said([said, [one[0] for one in fresh]])
"""
STEPS = {
    "keep": {"class": "steps:Keep"},
    "draw": {"class": "steps:Draw", "foreach": {"key": "keep.keys"}},
    "fresh": {"class": "steps:Fresh", "foreach": {"key": "keep.keys"}},
    "join": {"class": "steps:Join", "inputs": {"said": "draw.said", "fresh": "fresh.said"}},
}
EXPECTED_FRESH = [[False, "project", []]] * 6


@pytest.fixture
def expected(project) -> object:
    project.pipeline("p", SOURCE, STEPS)
    ran = project.run("p", RunSettings(isolate="process", jobs=1, use_cache=False))
    assert ran.ok, ran.errors()
    return ran.value("join", "said")


@pytest.mark.parametrize(
    ("isolate", "jobs"), [("auto", 1), ("auto", 4), ("process", 4), ("none", 1), ("none", 4)]
)
def test_the_same_seeds_give_the_same_artifacts(project, monkeypatch, expected, isolate, jobs):
    monkeypatch.chdir(project.root)
    ran = project.run("p", RunSettings(isolate=isolate, jobs=jobs, use_cache=False))
    assert ran.ok, ran.errors()
    draws, fresh = ran.value("join", "said")
    assert fresh == EXPECTED_FRESH
    assert draws == expected[0]
    assert [draw[1:4] for draw in draws] == [[str(key), str(key), [key]] for key in range(6)]
    chance = {tuple(draw[0][2::3]) for draw in draws}
    assert len(chance) == 1, "a generator at the top of a module begins again in each step"
