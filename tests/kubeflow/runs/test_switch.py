"""The local platform with `atlas:kubeflow: cluster`: its commands, who is let in, and what is left of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from atlas_provider.supervision import Supervisor
from tests.kubeflow.running import left
from tests.kubeflow.workplace import Workplace
from tests.projects import Project, environment

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(1800)]
SECONDS = 300
PARTS = {
    *("kubeflow-cell", "kubeflow-etcd", "kubeflow-mariadb", "kubeflow-s3", "kubeflow-metadata"),
    *("kubeflow-apiserver", "kubeflow-controllers", "kubeflow-scheduler", "kubeflow-node"),
    *("kubeflow-pipelines", "kubeflow-workflows", "kubeflow-agent", "kubeflow-schedules"),
    "kubeflow-relay",
}
SOURCE = """
class Made(NamedTuple):
    rows: list[int]

class Make(Template):
    def run(self) -> Made:
        return Made([1, 2, 3])
"""


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


def run_one(cluster: Workplace, folder: Path, name: str) -> None:
    """Train a pipeline of one step."""
    project = Project(folder / name)
    project.pipeline(name, SOURCE, {"make": {"class": "steps:Make"}})
    cluster.environment(project)
    assert "done" in cluster.atlas(project, "train", name, "--env", "cluster", "--run", name)
    assert cluster.store.get(name, f"training-{name}", "make", "rows") == [1, 2, 3]


def test_the_commands_of_a_platform_are_about_it(cluster: Workplace) -> None:
    kubeflow = cluster.kubeflow
    url = kubeflow.service("kubeflow")["url"]
    assert "kubeflow answers, and takes the token" in kubeflow.atlas("doctor", "--stack", "local")
    assert f"{url}/" in kubeflow.atlas("open", "kubeflow")
    assert "nothing to do" in kubeflow.atlas("up")


def test_kubeflow_is_opened_by_its_password_alone(cluster: Workplace) -> None:
    url = cluster.kubeflow.service("kubeflow")["url"]
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        with pytest.raises(HTTPError) as caught:
            urlopen(Request(f"{url}/apis/v2beta1/runs", headers=headers), timeout=60)
        assert caught.value.code == 401
        caught.value.close()
    with urlopen(Request(url, headers=cluster.kubeflow.headers()), timeout=60) as page:
        assert b"<h1>Kubeflow Pipelines" in page.read()


def test_a_platform_that_is_killed_leaves_nothing_and_comes_back(
    cluster: Workplace, tmp_path: Path
) -> None:
    place = cluster.kubeflow.platform
    supervisor = Supervisor(place)
    assert {path.stem for path in place.glob("programs/*.conf")} >= PARTS
    assert supervisor.dead() == []
    os.kill(int((place / "supervisord.pid").read_text("utf-8")), signal.SIGKILL)
    until(lambda: not left(cluster.kubeflow))
    cluster.kubeflow.atlas("up")
    assert supervisor.dead() == []
    run_one(cluster, tmp_path, "again")


def test_what_holds_the_cell_is_killed_and_all_in_it_ends(
    cluster: Workplace, tmp_path: Path
) -> None:
    supervisor = Supervisor(cluster.kubeflow.platform)
    pid = supervisor.pid("kubeflow-cell")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: {*supervisor.dead()} >= PARTS)
    cluster.kubeflow.atlas("up")
    run_one(cluster, tmp_path, "back")


def test_a_node_that_has_ended_is_named_and_comes_back(cluster: Workplace, tmp_path: Path) -> None:
    supervisor = Supervisor(cluster.kubeflow.platform)
    assert supervisor.signal("kubeflow-node", "TERM")
    until(lambda: supervisor.dead() == ["kubeflow-node"])
    project = Project(tmp_path / "waits")
    project.pipeline("waits", SOURCE, {"make": {"class": "steps:Make"}})
    project.environment(targets={"training": "kubeflow"})
    own = environment(ATLAS_STATE=str(cluster.kubeflow.state))
    refused = project.atlas("train", "waits", env=own)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    said = "platform local: kubeflow-node: not running; `atlas up` brings it back"
    assert said in refused.stderr
    cluster.kubeflow.atlas("up")
    run_one(cluster, tmp_path, "after-the-node")
