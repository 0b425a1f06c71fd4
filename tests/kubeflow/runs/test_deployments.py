"""A deployment by `atlas deploy` to a Kubeflow that runs it by the clock; drift; taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kubeflow.runs.test_controls import SOURCE, ended, eventually
from tests.kubeflow.workplace import Workplace
from tests.projects import Project

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(1800)]
EVERY_MINUTE = {"cron": "* * * * *", "timezone": "UTC", "start": "2026-01-01"}


def written(cluster: Workplace, project: Project, seconds: int) -> None:
    """Write a pipeline that is trained every minute."""
    steps = {
        "make": {"class": "steps:Make", "image": "base", "params": {"seconds": seconds}},
        "use": {"class": "steps:Use", "image": "base", "inputs": {"rows": "make.rows"}},
    }
    config = {"schedule": {"training": EVERY_MINUTE}}
    images = {"base": {"reference": cluster.image}}
    project.pipeline("clocked", SOURCE, steps, config=config, images=images)
    cluster.environment(project)


def recurring(cluster: Workplace) -> list[Any]:
    found = cluster.api("recurringruns?page_size=200").get("recurringRuns", [])
    return [one for one in found if one["display_name"] == "clocked-training"]


def test_a_deployment_runs_by_the_clock_is_mended_and_goes(
    cluster: Workplace, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project")
    written(cluster, project, 0)

    def atlas(*words: str) -> str:
        return cluster.atlas(project, *words, "--env", "cluster")

    assert "clocked-training" in atlas("deploy", "clocked")
    assert "nothing to do" in atlas("deploy", "clocked")
    (schedule,) = recurring(cluster)
    run = eventually(lambda: first_run(cluster, schedule["recurring_run_id"]))
    status = atlas("status", "clocked")  # Maybe of a run under way, whose pods are looked at.
    assert "clocked-training" in status
    assert eventually(lambda: ended(cluster, run["run_id"]))
    assert ended(cluster, run["run_id"]) == "SUCCEEDED"
    assert "done" in atlas("runs", "clocked")

    cluster.api(f"recurringruns/{schedule['recurring_run_id']}", "DELETE")
    assert "drift: clocked-training runs never" in atlas("status", "clocked")
    atlas("deploy", "clocked")
    (again,) = recurring(cluster)
    assert again["recurring_run_id"] != schedule["recurring_run_id"]

    written(cluster, project, 1)
    atlas("deploy", "clocked")
    (changed,) = recurring(cluster)
    versions = [one["pipeline_version_reference"] for one in (again, changed)]
    assert versions[0]["pipeline_id"] == versions[1]["pipeline_id"]
    assert versions[0]["pipeline_version_id"] != versions[1]["pipeline_version_id"]

    atlas("destroy", "clocked", "--yes")
    assert recurring(cluster) == []


def first_run(cluster: Workplace, schedule: str) -> Any:
    """Return a run that a recurring run has made, None while there is none."""
    found = cluster.api("runs?page_size=200").get("runs", ())
    return next((one for one in found if one.get("recurring_run_id") == schedule), None)
