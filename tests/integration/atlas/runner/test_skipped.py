"""Steps that a run skips: what becomes of a model, of who reads them, and of what can't be told."""

from __future__ import annotations

import json

import pytest

from atlas.errors import InvalidError
from atlas.runner import RunSettings

SOURCE = """
class Checked(NamedTuple):
    ok: bool
    word: Any

class Number(NamedTuple):
    number: dict[str, float]

class Check(Template):
    ok: bool = True
    def run(self) -> Checked:
        return Checked(self.ok, [1])

class Make(Template):
    def run(self) -> Number:
        self.context.metric("accuracy", 0.9)
        return Number({"value": 1.0})
"""
PARAMETERS = {"ok": {"type": "boolean", "default": True}}
CHECK = {"class": "steps:Check", "params": {"ok": {"parameter": "ok"}}}
MAKE = {"class": "steps:Make", "when": {"step": "check.ok", "is": True}}
CONFIG = {
    "model": {"name": "m", "from": {"numbers": "make.number"}},
    "promotion": {"metric": "make.accuracy", "at_least": 0.5},
}


def test_a_model_whose_step_was_skipped_is_not_registered_and_that_is_said(project):
    steps = {"check": CHECK, "make": MAKE}
    project.pipeline("one", SOURCE, steps, config=CONFIG, parameters=PARAMETERS)
    first = project.run("one").result.runs[0].finished
    assert (first.status, first.model, first.version) == ("done", "m", "local-1")
    ran = project.run("one", RunSettings(parameters={"ok": False})).result.runs[0]
    assert ran.finished.status == "done"
    assert (ran.finished.model, ran.finished.promotion) == ("", None)
    (warning,) = [text for text in ran.finished.warnings if "registered" in text]
    assert "the step make was skipped, for check.ok is false" in warning


def test_who_reads_a_step_that_the_latest_run_has_skipped_gets_the_run_before(project):
    steps = {"check": CHECK, "make": MAKE}
    project.pipeline("one", SOURCE, steps, parameters=PARAMETERS)
    reader = "class Read(Template):\n    def run(self, number: dict[str, float]) -> None: ...\n"
    reads = {"read": {"class": "steps:Read", "inputs": {"number": "pipeline:one/make.number"}}}
    project.pipeline("two", reader, reads)
    made = project.run("one").result.runs[0].run.id
    project.run("one", RunSettings(parameters={"ok": False}))
    project.run("one", RunSettings(parameters={"ok": False}))
    ran = project.run("two").result.runs[0]
    assert ran.run.upstream == {"pipeline:one/make": f"one/{made}"}


def test_a_value_that_can_not_be_compared_fails_the_step_and_names_it(project):
    when = {"step": "check.word", "is": "a"}
    steps = {"check": CHECK, "make": {**MAKE, "when": when}}
    project.pipeline("one", SOURCE, steps, parameters=PARAMETERS)
    ran = project.run("one").result.runs[0]
    assert ran.finished.status == "failed"
    errors = [outcome.error for outcome in ran.outcomes.values() if outcome.error]
    assert errors == ["when: check.word is a list, expected a bool, a number or a text"]


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ({"step": "chek.ok", "is": True}, "R001"),
        ({"step": "check.okay", "is": True}, "R002"),
        ({"step": "check.ok", "is": "yes"}, "R051"),
        ({"step": "check.ok", "above": 1}, "R051"),
        ({"step": "data.rows", "is": True}, "R051"),
        ({"step": "make.number", "is": 1}, "R010"),
        ({"not": {"any": [{"step": "check.ok", "in": [1, True]}]}}, "R051"),
    ],
)
def test_a_condition_that_can_not_hold_is_a_problem_with_its_place(project, when, code):
    steps = {"check": CHECK, "make": {**MAKE, "when": when}}
    project.pipeline("one", SOURCE, steps, parameters=PARAMETERS)
    with pytest.raises(InvalidError) as raised:
        project.resolve("one")
    problems = raised.value.problems
    assert code in {problem.code for problem in problems}, json.dumps([str(p) for p in problems])
    places = [problem.path for problem in problems if problem.code == "R051"]
    assert all(place.startswith("steps.make.when") for place in places)


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"is": True},
        {"step": "check.ok"},
        {"step": "check.ok", "is": True, "is_not": False},
        {"step": "check.ok", "is": None},
        {"all": []},
        {"all": [{"step": "check.ok", "is": True}], "any": [{"step": "check.ok", "is": True}]},
        {"step": "check.ok", "is": True, "else": "skip"},
    ],
)
def test_a_condition_is_closed(project, when):
    steps = {"check": CHECK, "make": {**MAKE, "when": when}}
    project.pipeline("one", SOURCE, steps, parameters=PARAMETERS)
    with pytest.raises(InvalidError) as raised:
        project.resolve("one")
    assert all(problem.code.startswith("S") for problem in raised.value.problems)
