"""Runs that don't just go well: cancelled, out of time, failed, without a node; what is reported of them."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kubeflow.workplace import Workplace
from tests.projects import ATLAS, Project, environment

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(1800)]
SECONDS = 600
SOURCE = """
import time

class Made(NamedTuple):
    rows: list[int]

class Make(Template):
    seconds: int = 0
    fails: bool = False
    def run(self) -> Made:
        print("hello from the step")
        time.sleep(self.seconds)
        if self.fails:
            raise ValueError("no such luck")
        return Made([1, 2, 3])

class Use(Template):
    def run(self, rows: list[int]) -> Made:
        return Made([*rows, 4])
"""


def made(cluster: Workplace, folder: Path, name: str, **make: Any) -> Project:
    """Return a project with a pipeline of two steps."""
    project = Project(folder / "project")
    steps = {
        "make": {"class": "steps:Make", "image": "base", **make},
        "use": {"class": "steps:Use", "image": "base", "inputs": {"rows": "make.rows"}},
    }
    project.pipeline(name, SOURCE, steps, images={"base": {"reference": cluster.image}})
    cluster.environment(project)
    return project


def eventually(check: Callable[[], Any]) -> Any:
    """Wait until something is so; return it."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(check())


def pods(cluster: Workplace, run: str, phase: str) -> list[Any]:
    """Return the pods of a run of Kubeflow's that are in a phase."""
    selectors = {"labelSelector": f"pipeline/runid={run}", "fieldSelector": f"status.phase={phase}"}
    return cluster.pods(**selectors)


def steps_of(pods: list[Any]) -> list[Any]:
    """Return those pods that run steps."""
    key = "workflows.argoproj.io/node-name"
    return [pod for pod in pods if ".executor" in pod["metadata"]["annotations"].get(key, "")]


def test_an_interrupt_ends_what_runs(cluster: Workplace, tmp_path: Path) -> None:
    project = made(cluster, tmp_path, "stopped", params={"seconds": 3600})
    command = [*ATLAS, "train", "stopped", "--env", "cluster", "--run", "stopped"]
    with (tmp_path / "printed").open("wb") as printed:
        process = subprocess.Popen(
            command, cwd=project.root, env=environment(), stdout=printed, stderr=printed
        )
        try:
            run = eventually(lambda: named(cluster, "training-stopped"))["run_id"]
            eventually(lambda: steps_of(pods(cluster, run, "Running")))
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS) == 130
        finally:
            process.kill()
    eventually(lambda: not pods(cluster, run, "Running"))
    assert eventually(lambda: ended(cluster, run)) == "FAILED"
    assert "stopped/training: interrupted" in (tmp_path / "printed").read_text("utf-8")
    assert cluster.store.run_outcome("stopped", "training-stopped")["status"] == "failed"


def named(cluster: Workplace, name: str) -> Any:
    """Return Kubeflow's run of a name, None while there is none."""
    found = cluster.api("runs?page_size=200").get("runs", ())
    return next((one for one in found if one["display_name"] == name), None)


def ended(cluster: Workplace, run: str) -> str:
    """Return how a run ended, empty while it hasn't."""
    state = cluster.api(f"runs/{run}")["state"]
    return state if state in ("SUCCEEDED", "FAILED", "CANCELED") else ""


def test_a_step_out_of_time_is_ended_and_says_so(cluster: Workplace, tmp_path: Path) -> None:
    project = made(cluster, tmp_path, "late", params={"seconds": 3600}, timeout="2s")
    printed = cluster.atlas(project, "train", "late", "--env", "cluster", "--run", "late", code=1)
    assert "2 s" in printed
    assert cluster.run_of("training-late")["state"] == "FAILED"


def test_a_failure_is_tried_again_and_shown(cluster: Workplace, tmp_path: Path) -> None:
    retries = {"limit": 1, "delay": "1s", "factor": 1}
    project = made(cluster, tmp_path, "fails", params={"fails": True}, retries=retries)
    command = ["train", "fails", "--env", "cluster", "--run", "fails", "--logs"]
    printed = cluster.atlas(project, *command, code=1)
    assert "ValueError: no such luck" in printed
    assert "steps.py" in printed
    assert "make | hello from the step" in printed
    assert "argo=true" not in printed
    there = cluster.run_of("training-fails")
    assert there["state"] == "FAILED"
    assert cluster.store.run_outcome("fails", "training-fails")["status"] == "failed"
    assert cluster.store.outcome("fails", "training-fails", "make")["attempts"] == 2


def test_a_gpu_that_no_node_has_is_explained(cluster: Workplace, tmp_path: Path) -> None:
    project = made(cluster, tmp_path, "wants", resources={"gpu": 1})
    command = ["train", "wants", "--env", "cluster", "--run", "wants", "--timeout", "60s"]
    printed = cluster.atlas(project, *command, code=1)
    assert "Insufficient nvidia.com/gpu" in printed
    run = cluster.run_of("training-wants")["run_id"]
    assert eventually(lambda: ended(cluster, run)) == "FAILED"
    eventually(lambda: not pods(cluster, run, "Pending"))


def test_a_run_goes_on_alone_and_is_found_again(cluster: Workplace, tmp_path: Path) -> None:
    project = made(cluster, tmp_path, "alone", params={"seconds": 2})
    command = ["train", "alone", "--env", "cluster", "--run", "alone"]
    cluster.atlas(project, *command, "--detach")
    printed = cluster.atlas(project, *command)
    assert "done" in printed
    found = [one for one in cluster.api("runs?page_size=200")["runs"]
             if one["display_name"] == "training-alone"]  # fmt: skip
    assert [one["state"] for one in found] == ["SUCCEEDED"]
