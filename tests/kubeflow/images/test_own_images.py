"""An example on Kubeflow in its own image: built, pushed to the platform's registry, run in pods.

An image takes packages from an index, which namespaces of its own can't reach: the platform has its
own, so these tests run outside of any.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from atlas_toolchain import kubeflow_programs, kubeflow_source
from infra.local import kubeflow_cluster
from tests import yard as yards
from tests.kubeflow.running import RunningKubeflow, configure, left
from tests.kubeflow.runs.test_examples import example
from tests.kubeflow.workplace import Workplace
from tests.projects import Project, environment
from tests.yard import Yard

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(1800)]


class OwnImages(Workplace):
    """A Kubeflow whose steps run in the images of their Recipes."""

    def with_images(self, text: str) -> str:
        """Return a Recipe as it is."""
        return text

    def atlas(self, project: Project, *words: str, code: int = 0) -> str:
        """Run a command of Atlas's with the platform's state, which has the registry's secret."""
        own = {"KUBECONFIG": str(self.kubeflow.kubeconfig), "ATLAS_STATE": str(self.kubeflow.state)}
        done = project.atlas(*words, env=environment(**own), timeout=1200)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


def why_not() -> str:
    """Return why this machine can't have it; empty where it can."""
    missing = [
        one.name for one in kubeflow_programs.PROGRAMS if not kubeflow_programs.find(one.name)
    ]
    if kubeflow_source.place() is None or missing:
        return f"no checkout in {kubeflow_source.VARIABLE}, or not built: {', '.join(missing)}"
    return yards.why_not()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[OwnImages]:
    if why_not():
        pytest.skip(why_not())
    kubeflow_cluster.require_machine()
    source = kubeflow_source.place()
    assert source is not None
    project, state = tmp_path / "platform" / "project", tmp_path / "platform" / "state"
    configure(project, source, services="mlflow,registry")
    place = state / "platform" / "local"
    kubeconfig = place / "kubeflow-apiserver" / "kubeconfig"
    running = RunningKubeflow(place / "outputs.json", kubeconfig, "", state)
    try:
        running.atlas("up")
        (tmp_path / "workplace").mkdir()
        yield OwnImages(running, tmp_path / "workplace")
    finally:
        running.atlas("down", "--purge", "--yes")
    assert not left(running)
    assert not (place / "kubeflow-node").exists()


@pytest.fixture
def yard(cluster: OwnImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    """An engine's storage beside the platform's registry, which has a base image."""
    port = urlsplit(str(cluster.kubeflow.service("registry")["url"])).port
    assert port is not None
    assert cluster.kubeflow.state is not None
    made = Yard.beside(tmp_path / "yard", cluster.kubeflow.state, port)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    try:
        made.push_base()
        yield made
    finally:
        made.close()


def test_an_example_is_trained_in_its_own_image(
    cluster: OwnImages, yard: Yard, tmp_path: Path
) -> None:
    project = example(cluster, tmp_path, "tumour")
    project.write("pyproject.toml", f'[tool.atlas]\nbase-image = "{yard.base}"\n')
    cluster.atlas(project, "build", "tumour", "--env", "cluster")
    cluster.atlas(project, "deploy", "tumour", "--env", "cluster")
    (summary,) = cluster.trained(project, "tumour")
    assert summary["status"] == "done"
    assert cluster.run_of(summary["run"])["state"] == "SUCCEEDED"
    check_images(cluster, yard)


def check_images(cluster: OwnImages, yard: Yard) -> None:
    """Hold the images of the steps' pods to the registry: each by its digest, and pulled."""
    statuses: list[Any] = [
        one
        for pod in cluster.pods()
        for one in pod["status"].get("containerStatuses", ())
        if one["image"].startswith(f"{yard.host}/")
    ]
    assert len(statuses) == 6, os.linesep.join(str(one) for one in statuses)
    assert {one["imageID"] for one in statuses} == {one["image"] for one in statuses}
    assert all("@sha256:" in one["image"] for one in statuses)
