"""Documents with unknown fields are checked further, as if they had been written as they were meant."""

from __future__ import annotations

import pytest

from atlas.errors import InvalidError
from atlas.plan import resolve
from atlas.validate import check
from tests.projects import Project

SOURCE = """
class Out(NamedTuple):
    rows: int

class Make(Template):
    size: int = 1
    def run(self) -> Out:
        return Out(self.size)

class Use(Template):
    def run(self, rows: str) -> None:
        print(rows)
"""
STEPS = {
    "make": {"class": "steps:Make", "params": {"size": "x"}},
    "use": {"class": "steps:Use", "inputs": {"rows": "make.rows"}},
}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def told(project, steps) -> list[tuple[str, str]]:
    project.pipeline("p", SOURCE, steps)
    return [(one.code, one.path) for one in check(project.root / "p").problems]


def test_a_misspelt_field_hides_nothing(project):
    right = told(project, STEPS)
    assert {path for _, path in right} == {"steps.make.params.size", "steps.use.inputs.rows"}
    misspelt = {"make": {**STEPS["make"], "retriess": 3, "colour": 1}, "use": STEPS["use"]}
    found = told(project, misspelt)
    assert {*found} == {*right, ("S001", "steps.make.retriess"), ("S001", "steps.make.colour")}
    with pytest.raises(InvalidError):
        resolve(project.root / "p")


def test_a_misspelt_field_is_taken_for_the_one_that_was_meant(project):
    steps = {**STEPS, "make": {"clas": "steps:Make", "parms": {"size": "x"}}}
    paths = [path for _, path in told(project, steps)]
    assert "steps.make.params.size" in paths
    assert "steps.use.inputs.rows" in paths


def test_what_is_wrong_otherwise_is_told_alone(project):
    steps = {**STEPS, "make": {**STEPS["make"], "retries": "many", "colour": 1}}
    assert {code[0] for code, _ in told(project, steps)} == {"S"}
