"""What runs Plans on a target: refused where a process of the target has died on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import PlatformError
from atlas.store import open_store
from atlas.targets.launcher import Launcher
from atlas_deploy.training.launchers import launcher
from tests.projects import Project

SOURCE = """
class Made(NamedTuple):
    rows: list[int]

class Make(Template):
    def run(self) -> Made:
        return Made([1, 2, 3])
"""
URL = "http://127.0.0.1:9"
KUBEFLOW = {
    "kind": "kfp",
    "url": URL,
    "workload_url": URL,
    "credentials": None,
    "version": "2.17.0",
}
AIRFLOW = {**KUBEFLOW, "kind": "airflow", "version": "3.3.2"}
FOLDER = {"kind": "folder", "workload_url": "", "credentials": None, "version": ""}


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project with a pipeline of one step."""
    project = Project(tmp_path / "project")
    project.pipeline("one", SOURCE, {"make": {"class": "steps:Make"}})
    project.environment(targets={"training": "kubeflow"})
    return project


def died(project: Project, *names: str) -> None:
    """Leave what a platform has of processes that have died with its supervisor."""
    for name in names:
        project.write(f".atlas/platform/local/programs/{name}.conf", "")


def on(project: Project, target: str) -> Launcher:
    services: Mapping[str, Any] = {
        "kubeflow": KUBEFLOW, "airflow": AIRFLOW,
        "secrets": {**FOLDER, "url": (project.state / "secrets").as_uri()},
        "dags": {**FOLDER, "url": (project.state / "dags").as_uri(), "versioned": False},
    }  # fmt: skip
    return launcher(target, project.resolve(), services, open_store(project.url), lambda _: None)


@pytest.mark.parametrize(
    ("target", "name"), [("kubeflow", "kubeflow-node"), ("airflow", "airflow-scheduler")]
)
def test_a_target_of_which_a_process_has_died_is_refused(
    made: Project, target: str, name: str
) -> None:
    died(made, name, "mlflow-server")
    with pytest.raises(PlatformError) as caught:
        on(made, target)
    wanted = f"platform local: {name}: not running; `atlas up` brings it back"
    assert str(caught.value) == wanted


def test_what_has_died_of_others_does_not_matter(made: Project) -> None:
    died(made, "mlflow-server", "airflow-scheduler")
    assert on(made, "kubeflow").target == "kubeflow"


def test_a_platform_of_elsewhere_is_not_looked_for_here(made: Project) -> None:
    died(made, "kubeflow-node")
    made.write(
        "platform.json", '{"version": 1, "stack": "there", "target": "other", "services": {}}'
    )
    made.environment(platform={"outputs": "platform.json"}, targets={"training": "kubeflow"})
    assert on(made, "kubeflow").target == "kubeflow"
