"""`atlas train` on the real Airflow: the same trace as here, and every way out."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from atlas.targets.airflow.api import AirflowApi
from tests.projects import Project
from tests.stack.deployed import wait_for

pytestmark = pytest.mark.stack

SOURCE = """
import time

class Keys(NamedTuple):
    keys: list[str]

class Out(NamedTuple):
    text: str

class Load(Template):
    count: int = 2
    def run(self) -> Keys:
        print("loading", self.count)
        return Keys(["a", "b", "c"][: self.count])

class Shout(Template):
    def run(self, key: str) -> Out:
        return Out(key.upper())

class Join(Template):
    seconds: float = 0.0
    def run(self, texts: list[str]) -> Out:
        print("joining", flush=True)
        time.sleep(self.seconds)
        return Out("".join(texts))

class Check(Template):
    wanted: str = ""
    def run(self, text: str) -> Out:
        if self.wanted and self.wanted != text:
            raise ValueError(f"found {text}")
        return Out(text)
"""
PARAMETERS: dict[str, dict[str, Any]] = {
    "count": {"type": "integer", "default": 2, "minimum": 1, "maximum": 3},
    "seconds": {"type": "number", "default": 0.0},
    "wanted": {"type": "string", "default": ""},
}
STEPS: dict[str, Any] = {
    "load": {"class": "steps:Load", "params": {"count": {"parameter": "count"}}},
    "shout": {"class": "steps:Shout", "foreach": {"key": "load.keys"}},
    "join": {
        "class": "steps:Join", "inputs": {"texts": "shout.text"},
        "params": {"seconds": {"parameter": "seconds"}},
    },
    "check": {
        "class": "steps:Check", "inputs": {"text": "join.text"},
        "params": {"wanted": {"parameter": "wanted"}},
    },
    "after": {"class": "steps:Check", "inputs": {"text": "check.text"}},
}  # fmt: skip


class Letters:
    """A pipeline that is deployed to the session's Airflow."""

    def __init__(self, platform: Any, root: Path) -> None:
        self.platform, self.root = platform, root
        project = Project(root)
        project.environment(targets={"training": "airflow"})
        project.pipeline("letters", SOURCE, STEPS, parameters=PARAMETERS)
        self.atlas("deploy", "letters")

    def atlas(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.platform.run(*words, cwd=self.root, code=code)

    def train(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        """Train and return the events, the summary last."""
        printed = self.atlas("train", "letters", "--json", *words, code=code).stdout
        return events_of(printed)


def events_of(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


@pytest.fixture(scope="module")
def letters(platform, tmp_path_factory):
    made = Letters(platform, tmp_path_factory.mktemp("letters"))
    yield made
    made.atlas("destroy", "letters")


def trace(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what came of each unit: the same on every target, whatever else ran at once."""
    told = [event for event in events if event["event"] in ("step-done", "step-failed")]
    return sorted(
        (one["event"], one["step"], one.get("index", -1), sorted(one["outcome"].get("outputs", {}).items()))
        for one in told
    )  # fmt: skip


def test_the_same_command_gives_the_same_trace_here_and_on_airflow(letters):
    there = letters.train("--logs", "--set", "count=3", "--interval", "2026-01-01..2026-01-02")
    # In a state folder of its own, so that nothing is taken from the cache of the other.
    words = ("train", "letters", "--target", "local", "--json", "--logs", "--set", "count=3")
    here = events_of(Project(letters.root).atlas(*words).stdout)
    assert trace(there) == trace(here)
    assert len(trace(there)) == 7
    for events in (there, here):
        assert "loading 3" in [one["text"] for one in events if one["event"] == "log"]
        assert not any(one["outcome"].get("cached") for one in events if "outcome" in one)
        assert (events[-1]["event"], events[-1]["status"]) == ("summary", "done")
        assert {one["event"] for one in events} >= {"run-started", "step-started", "run-ended"}
    run = there[-1]["run"]
    bound = json.loads(
        (letters.platform.state / "store" / "letters" / run / "run.json").read_text()
    )
    assert bound["interval_start"].startswith("2026-01-01T00:00:00")
    assert bound["parameters"]["count"] == 3
    listed = json.loads(letters.atlas("runs", "letters", "--json").stdout)
    assert [(one["run"], one["status"]) for one in listed if one["run"] == run] == [(run, "done")]


def test_a_failure_there_is_the_users_own_traceback(letters):
    done = letters.atlas("train", "letters", "--set", "wanted=xyz", code=1)
    assert "check                    FAILED" in done.stdout
    assert 'raise ValueError(f"found {text}")' in done.stdout
    assert "after                    skipped           step check isn't done" in done.stdout
    assert "not done: check, after" in done.stdout
    # Airflow calls the run what it was, too: what watches Airflow alone has to see it.
    services = letters.platform.outputs["services"]
    there = services["airflow"]
    airflow = AirflowApi(there["url"], services["secrets"]["url"], there["credentials"])
    state = wait_for(lambda: ended(airflow.last_run("letters-training")[1]))
    assert state == "failed"


def ended(state: str) -> str:
    """Return the state of a run that is over; nothing of one that isn't."""
    return state if state in ("failed", "success") else ""


def test_what_was_left_is_found_again_and_ended_there_by_ctrl_c(letters):
    left = letters.train("--set", "seconds=300", "--detach")
    command = letters.platform.command("train", "letters", "--set", "seconds=300", "--logs")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            command, cwd=letters.root, env=letters.platform.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    printed = ""
    with process:
        for line in process.stdout:
            printed += line
            if "joining" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait(200) == 130
    assert f"run {left[-1]['run']}, on airflow, under way already" in printed
    assert "interrupted: cancellation requested on airflow" in printed
    assert "not done: join, check, after" in printed


def test_what_is_deployed_is_not_what_the_sources_say(letters):
    source = letters.root / "letters" / "steps.py"
    before = source.read_text()
    try:
        source.write_text(before + "# an edit\n")
        done = letters.atlas("train", "letters", code=1)
        assert "T302: letters-training: Plan" in done.stderr
        assert "--deployed runs what is there" in done.stderr
        assert letters.train("--deployed")[-1]["status"] == "done"
    finally:
        source.write_text(before)


def test_an_id_stands_for_one_run_there_too(letters):
    first = letters.train("--run", "once")
    again = letters.train("--run", "once")
    assert [one[-1]["run"] for one in (first, again)] == ["training-once"] * 2
    assert trace(again) == trace(first)
    done = letters.atlas("train", "letters", "--run", "once", "--set", "count=1", code=1)
    assert "T308: run training-once of letters is there already" in done.stderr


def test_a_flow_that_is_not_deployed(letters):
    project = Project(letters.root)
    project.pipeline("others", SOURCE, STEPS, parameters=PARAMETERS)
    done = letters.atlas("train", "others", code=1)
    assert "T301: others-training isn't deployed to Airflow; `atlas deploy" in done.stderr
