"""Airflow's tasks as pods on the same node: inference as Atlas compiles it for a Kubernetes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from atlas.cluster import Cluster
from atlas.http.credentials import read_secret
from tests.kubeflow.workplace import Workplace
from tests.projects import ATLAS, Project, environment

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(1800)]
SECONDS = 600
PODS = "/api/v1/namespaces/airflow/pods"
SOURCE = """
import os
import time
from pathlib import Path

class Made(NamedTuple):
    rows: list[int]

class Wait(Template):
    mark: str
    def run(self) -> Made:
        print("waiting in", os.environ["HOSTNAME"] if "HOSTNAME" in os.environ else "a pod")
        while not Path(self.mark).exists():
            time.sleep(0.2)
        return Made([1, 2])

class Use(Template):
    def run(self, rows: list[int]) -> Made:
        return Made([*rows, 3])
"""


def eventually(check: Callable[[], Any]) -> Any:
    """Wait until something is so; return it."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(check())


@pytest.fixture
def kubernetes(cluster: Workplace, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    assert cluster.kubeflow.platform  # Somebody else's has no Airflow of ours.
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeflow.kubeconfig))
    return Cluster()


def running(kubernetes: Cluster) -> list[str]:
    """Return the names of the pods of the step that waits, which run."""
    selectors = {"labelSelector": "task_id=wait", "fieldSelector": "status.phase=Running"}
    found = kubernetes.get(PODS, selectors)
    assert found is not None
    return [one["metadata"]["name"] for one in found["items"]]


def tasks(cluster: Workplace, run: str) -> dict[str, tuple[str, int]]:
    """Return state and attempt of each task of a run, as Airflow has them."""
    service = cluster.kubeflow.service("airflow")
    secret = read_secret(cluster.kubeflow.platform.parents[1] / "secrets", "airflow")
    body = json.dumps({"username": secret["username"], "password": secret["password"]}).encode()
    asked = Request(f"{service['url']}/auth/token", body, {"Content-Type": "application/json"})
    with urlopen(asked, timeout=60) as answer:
        token = json.loads(answer.read())["access_token"]
    url = f"{service['url']}/api/v2/dags/pods-inference/dagRuns/{run}/taskInstances"
    with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=60) as answer:
        found = json.loads(answer.read())["task_instances"]
    return {one["task_id"]: (one["state"], one["try_number"]) for one in found}


def test_a_pod_that_is_deleted_half_way_is_tried_again(
    cluster: Workplace, kubernetes: Cluster, tmp_path: Path
) -> None:
    mark = cluster.folder / "go-on"
    project = Project(tmp_path / "project")
    retries = {"limit": 2, "delay": "1s", "factor": 1}
    steps = {
        "wait": {"class": "steps:Wait", "image": "base", "params": {"mark": str(mark)},
                 "retries": retries},
        "use": {"class": "steps:Use", "image": "base", "inputs": {"rows": "wait.rows"}},
    }  # fmt: skip
    project.pipeline("pods", SOURCE, inference=steps, images={"base": {"reference": cluster.image}})
    cluster.environment(project, targets={"training": "local", "inference": "airflow"})
    assert "pods-inference" in cluster.atlas(project, "deploy", "pods", "--env", "cluster")
    own = environment(KUBECONFIG=str(cluster.kubeflow.kubeconfig))
    command = [*ATLAS, "start", "pods", "--env", "cluster", "--run", "one"]
    with (tmp_path / "printed").open("wb") as printed:
        process = subprocess.Popen(
            command, cwd=project.root, env=own, stdout=printed, stderr=printed
        )
        try:
            (name,) = eventually(lambda: running(kubernetes))
            # No worker waits for it: the triggerer does.
            eventually(lambda: tasks(cluster, "inference-one")["wait"][0] == "deferred")
            kubernetes.delete(f"{PODS}/{name}")
            eventually(lambda: {*running(kubernetes)} - {name})
            mark.write_text("", "utf-8")
            assert process.wait(SECONDS) == 0, (tmp_path / "printed").read_text("utf-8")
        finally:
            process.kill()
            process.wait()
    found = tasks(cluster, "inference-one")
    assert {found["wait"][0], found["use"][0]} == {"success"}
    assert found["wait"][1] == 2
    assert cluster.store.get("pods", "inference-one", "use", "rows") == [1, 2, 3]
