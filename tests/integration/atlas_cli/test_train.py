"""`atlas train` on this machine: what `atlas run --flow training` does, and its own options."""

from __future__ import annotations

import json

import pytest

from tests.projects import project

__all__ = ["project"]

SOURCE = """
import time
class Out(NamedTuple):
    text: str
class Say(Template):
    seconds: float = 0.0
    def run(self) -> Out:
        print("hello")
        time.sleep(self.seconds)
        return Out("hello")
"""
STEPS = {"say": {"class": "steps:Say", "params": {"seconds": {"parameter": "seconds"}}}}
PARAMETERS = {"seconds": {"type": "number", "default": 0.0}}


@pytest.fixture
def words(project):
    project.pipeline("words", SOURCE, STEPS, STEPS, parameters=PARAMETERS)
    return project


def test_local_is_what_run_does_with_logs_only_when_asked_for(words):
    done = words.atlas("train", "--target", "local", "--run", "first")
    assert done.returncode == 0, done.stderr
    assert "words training: done, 1 steps, 0 cached" in done.stdout
    assert "hello" not in done.stdout
    done = words.atlas("train", "--target", "local", "--logs", "--json", "--set", "seconds=0.01")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["text"] for one in events if one["event"] == "log"] == ["hello"]
    assert (events[-1]["status"], events[-1]["flow"]) == ("done", "training")
    again = words.atlas("train", "--target", "local", "--run", "first")
    assert "run training-first, resumed" in again.stdout
    assert "done before" in again.stdout


def test_time_that_is_up_is_a_failure_and_no_interrupt(words):
    done = words.atlas("train", "--target", "local", "--set", "seconds=300", "--timeout", "3s")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "words training: failed" in done.stdout


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--target", "moon"], 2, "expected local or kubeflow or airflow"),
        (["--target", "local", "--detach"], 2, "there is nobody else to run it"),
        (["--timeout", "soon"], 2, "'soon' isn't a duration"),
        (["--interval", "2026"], 2, "expected two moments"),
        (["--target", "airflow"], 1, "has no Airflow, or isn't up; `atlas up` brings it up"),
        (["--target", "local", "--config", "others"], 1, "no pipeline 'others'; there are words"),
    ],
)
def test_what_cannot_be_is_told(words, options, code, text):
    done = words.atlas("train", *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert text in " ".join(done.stderr.split())
