"""The commands around runs, as processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas.runner import RunSettings
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


MEASURE = """
class Rate(NamedTuple):
    rate: float

class Fit(Template):
    rate: float = 0.5
    def run(self) -> Rate:
        self.context.metric("error", self.rate)
        return Rate(self.rate)
"""
FIT = {"fit": {"class": "steps:Fit", "params": {"rate": {"parameter": "rate"}}}}
RATE = {"rate": {"type": "number", "default": 0.5}}


@pytest.fixture
def fitted(project):
    """Two runs of `fit`, of 0.5 and 0.25, and one of `q`."""
    project.pipeline("fit", MEASURE, FIT, parameters=RATE)
    project.pipeline("q", SOURCE, MAKE, parameters=PARAMETERS)
    runs = [project.run("fit", settings=RunSettings(parameters={"rate": r})) for r in (0.5, 0.25)]
    return [*(run.id for run in runs), project.run("q").id]


def test_filtering_and_ranking(project, fitted):
    listed = json.loads(project.atlas("runs", "fit", "--where", "rate<0.5", "--json").stdout)
    assert [one["run"] for one in listed] == [fitted[1]]
    ranked = project.atlas("runs", "fit", "--best", "fit.error", "--direction", "lower")
    lines = ranked.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["run", fitted[1], fitted[0]]
    assert project.atlas("runs", "--where", "status=failed").stdout == (
        "no run meets these conditions\n"
    )


def test_comparing(project, fitted):
    first, second, other = fitted
    done = project.atlas("runs", "--compare", first, second, "--html", "page.html")
    assert done.returncode == 0, done.stderr
    assert "metrics: fit.error" in done.stdout
    assert "-0.25" in done.stdout
    assert "<svg" in (project.root / "page.html").read_text()
    raw = json.loads(project.atlas("runs", "--compare", first, other, "--json").stdout)
    differing = {fact["name"] for fact in raw["facts"] if fact["differs"]}
    assert {"pipeline", "rate", "start", "fit.error"} <= differing


def test_tagging(project, fitted):
    tagged = project.atlas(
        "runs", "--run", fitted[0], "--tag", "owner=ann", "--note", "good", "--json"
    )
    raw = json.loads(tagged.stdout)
    assert (raw["tags"], raw["notes"][0]["note"]) == ({"owner": "ann"}, "good")
    assert "good" in project.atlas("runs", "--run", fitted[0]).stdout
    (listed,) = json.loads(project.atlas("runs", "--where", "tag.owner=ann", "--json").stdout)
    assert listed["run"] == fitted[0]


def test_what_cannot_be_shown(project, fitted):
    for arguments, code, text in (
        (("--run", "training-none"), 1, "no run 'training-none' of fit, q"),
        (("fit", "--run", fitted[2]), 1, f"no run '{fitted[2]}' of fit"),
        (("--compare", fitted[0], "x"), 1, "no run 'x' of"),
        (("--best", "fit.error"), 1, "no promotion rule of these runs states"),
        (("--best", "fit.none", "--direction", "lower"), 1, "has the metric 'fit.none'"),
        (("--best", "fit.error", "--direction", "up"), 1, "expected higher or lower"),
        (("--where", "moon=1"), 1, "no run has a metric, param or field 'moon'"),
        (("--tag", "a=1"), 1, "--tag needs --run"),
        (("--html", "x.html"), 1, "--html needs --compare"),
        (("--run", fitted[0], "--sync"), 2, "goes with none"),
        (("--run", fitted[0], "--tag", "a"), 1, "expected KEY=VALUE"),
    ):
        done = project.atlas("runs", *arguments)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert text in " ".join(done.stderr.replace("│", "").split()), arguments
        assert "Traceback" not in done.stderr


def test_a_damaged_record_is_a_warning(project, fitted):
    project.store.location.write(f"fit/{fitted[0]}/run.json", b"{")
    done = project.atlas("runs", "fit", "--json")
    assert [one["run"] for one in json.loads(done.stdout)] == [fitted[1]]
    assert f"fit/{fitted[0]}/run.json: isn't a run's record" in done.stderr
