"""The commands around runs, as processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.projects import project

__all__ = ["project"]

SOURCE = """
class Number(NamedTuple):
    number: int

class Make(Template):
    start: int = 1
    def run(self) -> Number:
        print("to stdout")
        return Number(self.start)

class Break(Template):
    def run(self, number: int) -> Number:
        raise ValueError("broken")
"""
MAKE = {"make": {"class": "steps:Make", "params": {"start": {"parameter": "start"}}}}
BREAK = {**MAKE, "break": {"class": "steps:Break", "inputs": {"number": "make.number"}}}
PARAMETERS = {"start": {"type": "integer", "default": 1}}


def test_run_in_words(project):
    project.pipeline("p", SOURCE, MAKE, parameters=PARAMETERS)
    done = project.atlas("run", "p", "--set", "start=3")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("p training: run training-")
    assert "make | to stdout" in lines[1]
    assert "done" in lines[2]
    assert "not cached: it hasn't run before" in lines[2]
    assert lines[3].startswith("p training: done, 1 steps, 0 cached; ")
    report = lines[3].partition("; ")[2] + "/report.html"
    assert "<svg" in Path(report).read_text()
    assert "cached" in project.atlas("run", "p", "--set", "start=3").stdout


def test_run_in_json(project):
    project.pipeline("p", SOURCE, MAKE, parameters=PARAMETERS)
    done = project.atlas("run", "p", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["event"] for one in events] == [
        "run-started", "step-started", "log", "step-done", "run-ended", "summary",
    ]  # fmt: skip
    assert events[-1]["status"] == "done"
    assert events[3]["outcome"]["outputs"]


BREAKS_LOUDLY = """
import sys

class Loud(Template):
    def run(self) -> None:
        sys.stdout.buffer.write(b"past text \\xff\\n")
        sys.stdout.buffer.flush()
        print("text", flush=True)
        raise ValueError("broken")
"""


def test_a_failure(project):
    project.pipeline("p", SOURCE, BREAK, parameters=PARAMETERS)
    done = project.atlas("run", "p")
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "ValueError: broken" in done.stdout
    assert 'steps.py", line' in done.stdout
    assert "/atlas/step/" not in done.stdout
    assert "not done: break" in done.stdout


def test_a_failure_says_where_its_log_is(project):
    project.pipeline("p", BREAKS_LOUDLY, {"loud": {"class": "steps:Loud"}})
    for isolate in ("none", "process"):
        done = project.atlas("run", "p", "--isolate", isolate)
        assert done.returncode == 1
        (log,) = [line for line in done.stdout.splitlines() if line.startswith("log: ")]
        text = Path(log.removeprefix("log: ")).read_bytes().decode(errors="replace")
        assert text.splitlines() == ["past text \ufffd", "text"], isolate


def test_wrong_usage(project):
    project.pipeline("p", SOURCE, MAKE, parameters=PARAMETERS)
    for arguments, code in (
        (("--set", "start"), 2),
        (("--interval", "2026"), 2),
        (("--isolate", "moon"), 2),
        (("--jobs", "-1"), 2),
        (("--flow", "sideways"), 2),
        (("--config", "q"), 1),
        (("--only", "nothing"), 1),
        (("--set", "start=x"), 1),
        (("--set", "stop=1"), 1),
        (("--interval", "a..b"), 2),
        (("--interval", "2026-01-02..2026-01-01"), 2),
        (("--run", "x"), 2),
        (("--env", "moon"), 1),
    ):
        done = project.atlas("run", "p", *arguments)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stderr


def test_listing_and_cleaning(project):
    project.pipeline("p", SOURCE, BREAK, parameters=PARAMETERS)
    project.pipeline("q", SOURCE, MAKE, parameters=PARAMETERS)
    project.run()
    listed = json.loads(project.atlas("runs", "--json").stdout)
    assert {(one["pipeline"], one["status"], one["waits"]) for one in listed} == {
        ("q", "done", True),
        ("p", "failed", True),
    }
    assert (
        json.loads(project.atlas("runs", "q", "--json", "--limit", "1").stdout)[0]["pipeline"]
        == "q"
    )
    assert "failed" in project.atlas("runs").stdout
    shown = json.loads(project.atlas("cache", "show", "--json").stdout)
    assert shown["results"] == 2
    assert json.loads(project.atlas("gc", "--dry-run", "--json").stdout)["runs"] == []
    assert "0 runs" in project.atlas("gc").stdout
    assert "2 results were forgotten" in project.atlas("cache", "prune").stdout
    assert project.atlas("gc", "--older-than", "soon").returncode == 2


def test_cleaning_says_which_runs_wait_to_be_sent(project):
    project.pipeline("p", SOURCE, MAKE, parameters=PARAMETERS)
    run = project.run().id
    every = ("gc", "--older-than", "0s", "--keep", "0", "--dry-run")
    shown = project.atlas(*every).stdout
    assert shown.endswith("that stay until `atlas runs --sync` has sent them: 1\n")
    assert json.loads(project.atlas(*every, "--json").stdout)["unsent"] == [f"p/{run}"]
    assert "stay" not in project.atlas("gc").stdout
    assert project.atlas("runs", "--sync").returncode == 0
    assert "stay" not in project.atlas(*every).stdout


def test_no_runs(project):
    assert project.atlas("runs").stdout == "no runs\n"
    assert project.atlas("run").returncode == 1


@pytest.mark.parametrize("command", ["runs", "gc", "cache show", "cache prune"])
def test_a_path_that_isn_t_there(project, command):
    project.pipeline("p", SOURCE, MAKE, parameters=PARAMETERS)
    project.run()
    done = project.atlas(*command.split(), "nope")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "error: nope: there is nothing at this path; expected a project's folder or one in it\n"
    )
    assert json.loads(project.atlas("cache", "show", "--json").stdout)["results"] == 1
