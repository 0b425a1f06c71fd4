"""A challenger's step whose process is killed: the run goes on as when the challenger fails."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from atlas.processes import find
from atlas.step.binding import RunRequest, bind
from atlas.step.execute import recorded
from atlas.step.finish import finished_run
from atlas.step.logs import read_log
from atlas.step.outcome import FAILED, Outcome
from atlas.store import Run, add_code
from atlas.waiting import wait_while
from tests.integration.atlas.step.test_rivals import ran, two_versions, warnings
from tests.projects import environment
from tests.scoring import ENDED, ENDING_STEPS, GONE, INFERENCE, KILLED, SLOW

VERSION = {"version": "model_version"}
SCORE = "challenger.score"


class Processes:
    """The steps of an inference with a challenger, each started as an orchestrator does."""

    def __init__(self, folder: Path, weight: float, way: dict[str, Any], timeout: str = "") -> None:
        self.project = two_versions(folder, weight, model=way, predictions=VERSION)
        steps = INFERENCE["steps"]
        more = {"timeout": timeout} if timeout else {}
        recipe = {**INFERENCE, "steps": {**steps, "score": {**steps["score"], **more}}}
        self.project.write("inference.json", recipe)
        (folder / "steps.py").write_text(ENDING_STEPS)
        self.plan, self.store = self.project.plan(), self.project.store
        self.store.add_plan(self.plan)
        add_code(self.store, folder, self.plan.code)

    def start(self, step: str, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "atlas.step", "--plan", self.plan.digest, "--run", "r"]
        return subprocess.Popen(
            [*command, "--step", step, *more],
            env=environment(ATLAS_STORE=self.store.url),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def finish(self) -> int:
        """Record the end of the run, as an orchestrator's last task does."""
        process = self.start("save", "--finish", "--if-failed", "1")
        process.communicate(timeout=200)
        return process.returncode

    def run(self, *names: str) -> None:
        """Run some steps, or every one in the Plan's order; each has to be done."""
        for name in names or [step.name for step in self.plan.steps]:
            process = self.start(name)
            printed, _ = process.communicate(timeout=200)
            assert process.returncode == 0, printed

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of the run, which has to be done."""
        finished = finished_run(self.store, self.bound)
        assert finished is not None
        assert (finished.status, finished.missing) == ("done", ())
        return finished.warnings

    @property
    def bound(self) -> Run:
        return bind(self.store, self.plan, RunRequest(id="r"))

    def outcome(self, step: str = SCORE) -> Outcome:
        outcome = recorded(self.store, self.bound, step)
        assert outcome is not None
        return outcome

    def versions(self) -> set[str]:
        return {*self.store.get("prices", self.bound.id, "score", "scores")["model_version"]}


REASONS = {
    KILLED: "its process was killed by signal 9, for instance because memory ran out",
    GONE: "its process ended by itself, with exit code 0; its log says more",
    ENDED: "its process ended by itself, with exit code 3; its log says more",
    SLOW: "timed out after 6 s",
}


@pytest.mark.parametrize("way", [{"shadow": True}, {"canary": 0.5}], ids=["shadow", "canary"])
@pytest.mark.parametrize("weight", REASONS)
def test_a_challengers_process_that_ends_is_a_warning(
    tmp_path: Path, weight: float, way: dict[str, Any]
) -> None:
    processes = Processes(tmp_path, weight, way, timeout="6s" if weight == SLOW else "")
    processes.run()
    reason = f"the challenger, version local-2, has failed in {SCORE}: {REASONS[weight]}"
    assert (processes.outcome().ok, processes.outcome().outputs) == (True, {})
    assert reason in processes.outcome().notes
    assert processes.versions() == {"local-1"}
    assert reason in processes.warnings


def test_on_this_machine_a_killed_process_is_a_warning_too(tmp_path: Path) -> None:
    project = Processes(tmp_path, KILLED, {"canary": 0.5}).project
    run, outcomes = ran(project, isolate="process")
    assert run.ok
    assert outcomes[SCORE].ok
    (warning,) = warnings(run)
    assert warning.startswith(f"the challenger, version local-2, has failed in {SCORE}: ")
    assert set(project.artifact(run.run, "score")["model_version"]) == {"local-1"}


def test_a_challengers_process_is_ended_with_the_one_that_was_started(tmp_path: Path) -> None:
    processes = Processes(tmp_path, SLOW, {"shadow": True})
    processes.run("load", "scale", "score", "challenger.scale")
    process = processes.start(SCORE)
    end = time.monotonic() + 200
    while "waiting" not in read_log(processes.store.location, processes.bound, SCORE):
        assert time.monotonic() < end
        time.sleep(0.05)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=200)
    assert process.returncode == 130
    assert (processes.outcome().status, processes.outcome().error) == (FAILED, "interrupted")
    assert wait_while(lambda: find(int(child)), 60, 0.05) is None
    processes.run("save")
    assert processes.finish() == 1, "a run that was cancelled isn't done"


LOST = "it has recorded no outcome: it was killed, or never started"


@pytest.mark.parametrize("lost", ["challenger.scale", SCORE])
def test_a_challengers_container_that_is_lost_is_a_warning_of_the_last_task(
    tmp_path: Path, lost: str
) -> None:
    processes = Processes(tmp_path, 3.0, {"shadow": True})
    before = ["challenger.scale"] if lost == SCORE else []
    processes.run("load", "scale", "score", "save", *before)
    assert processes.finish() == 0
    warning = f"the challenger, version local-2, has failed in {lost}: {LOST}"
    unfed = ("the challenger's step challenger.scale has no result",)
    assert {warning, *(unfed if lost != SCORE else ())} == {*processes.warnings}


def test_a_canary_whose_challengers_container_is_lost_is_not_done(tmp_path: Path) -> None:
    processes = Processes(tmp_path, 3.0, {"canary": 0.5})
    processes.run("load", "scale", "challenger.scale")
    assert processes.finish() == 1
