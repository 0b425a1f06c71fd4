"""What the steps of a run have printed, by step and by key."""

from __future__ import annotations

import pytest

from atlas.errors import AtlasError
from atlas.runner import RunSettings
from atlas.runner.settings import THREADS
from atlas.runs.logs import logs_of
from atlas.step.logs import log_key
from tests.projects import project

__all__ = ["project"]
SOURCE = """
class Keys(NamedTuple):
    keys: list[int]

class Value(NamedTuple):
    value: int

class Load(Template):
    def run(self) -> Keys:
        return Keys([7, 8])

class Fit(Template):
    def run(self, key: int) -> Value:
        return Value(key)
"""
STEPS = {
    "load": {"class": "steps:Load"},
    "fit": {"class": "steps:Fit", "foreach": {"key": "load.keys"}},
}


@pytest.fixture
def run(project):
    project.pipeline("many", SOURCE, STEPS)
    ran = project.run("many", RunSettings(isolate=THREADS))
    assert ran.ok, ran.errors()
    (one,) = ran.result.runs
    for step, index, text in [("load", None, "two keys\n"), ("fit", 0, ""), ("fit", 1, "of 8\n")]:
        project.store.location.write(log_key(one.run, step, index), text.encode())
    return one.run


def test_all_steps_in_the_order_of_the_plan(project, run):
    found = [(log.name, log.status, log.text) for log in logs_of(project.store, run.id)]
    assert found == [
        ("load", "done", "two keys\n"),
        ("fit[0]", "done", ""),
        ("fit[1]", "done", "of 8\n"),
    ]


@pytest.mark.parametrize(
    ("step", "names"), [("load", ["load"]), ("fit", ["fit[0]", "fit[1]"]), ("fit[1]", ["fit[1]"])]
)
def test_one_step_or_one_key_of_it(project, run, step, names):
    found = logs_of(project.store, f"many/{run.id}", step)
    assert [log.name for log in found] == names


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("lod", "no step 'lod'.*did you mean 'load'"),
        ("fit[2]", r"no key 2; there are fit\[0\], fit\[1\]"),
        ("load[0]", "no key 0; there are load"),
        ("../fit", "no step"),
    ],
)
def test_a_step_or_a_key_that_there_isnt(project, run, step, message):
    with pytest.raises(AtlasError, match=message):
        logs_of(project.store, run.id, step)


def test_a_key_that_runs_is_among_them(project, run):
    project.store.location.write(log_key(run, "fit", 2), b"begun\n")
    (log,) = logs_of(project.store, run.id, "fit[2]")
    assert (log.status, log.text) == ("", "begun\n")
