"""`atlas start`: a flow on its target; here, on this machine."""

from __future__ import annotations

import json

import pytest

from tests.projects import Project, project

__all__ = ["project"]
SOURCE = """
class Out(NamedTuple):
    number: int

class Work(Template):
    times: int = 2
    def run(self) -> Out:
        return Out(self.times)
"""


@pytest.fixture
def made(project: Project) -> Project:
    steps = {"work": {"class": "steps:Work", "params": {"times": {"parameter": "times"}}}}
    parameters = {"times": {"type": "integer", "default": 2}}
    project.pipeline("p", SOURCE, None, steps, parameters=parameters)
    project.environment("local", targets={"inference": "local"})
    project.environment("cluster", targets={"inference": "airflow"})
    return project


def test_inference_runs_to_its_end(made: Project) -> None:
    done = made.atlas("start", "p", "--set", "times=3", "--run", "now")
    assert done.returncode == 0, done.stderr
    assert "p inference: done" in done.stdout
    assert made.store.get("p", "inference-now", "work", "number") == 3
    told = made.atlas("logs", "p/inference-now", "--json")
    assert [one["status"] for one in json.loads(told.stdout)] == ["done"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--flow", "training"], 1, "no pipeline there has the flow training"),
        (["--flow", "scoring"], 2, "expected inference or training"),
        (["--detach"], 2, "there is nobody else to run it"),
        (["--timeout", "soon"], 2, "--timeout"),
        (["--env", "cluster"], 1, "atlas up"),
    ],
)
def test_what_cannot_be_started(made: Project, arguments, code, message) -> None:
    done = made.atlas("start", "p", *arguments)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert not (made.state / "store/p").exists()
