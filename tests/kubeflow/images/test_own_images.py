"""Examples on Kubeflow in their own images: built, pushed to the platform's registry, run in pods.

An image takes packages from an index, which namespaces of its own can't reach: the platform has its
own, so these tests run outside of any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from atlas.targets.kubeflow.run_pods import run_selector, unit_of
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

    def step_pods(self, run: str) -> list[Any]:
        """Return the pods that run steps, of a run by Kubeflow's id."""
        found = self.pods(labelSelector=run_selector(run))
        return [pod for pod in found if unit_of(pod["metadata"]["annotations"])[0]]


def why_not() -> str:
    """Return why this machine can't have it; empty where it can."""
    missing = [
        one.name for one in kubeflow_programs.PROGRAMS if not kubeflow_programs.find(one.name)
    ]
    if kubeflow_source.place() is None or missing:
        return f"no checkout in {kubeflow_source.VARIABLE}, or not built: {', '.join(missing)}"
    return yards.why_not()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnImages]:
    if why_not():
        pytest.skip(why_not())
    kubeflow_cluster.require_machine()
    source = kubeflow_source.place()
    assert source is not None
    folder = tmp_path_factory.mktemp("own-images")
    project, state = folder / "platform" / "project", folder / "platform" / "state"
    configure(project, source, services="mlflow,registry")
    place = state / "platform" / "local"
    kubeconfig = place / "kubeflow-apiserver" / "kubeconfig"
    running = RunningKubeflow(place / "outputs.json", kubeconfig, "", state)
    try:
        running.atlas("up")
        (folder / "workplace").mkdir()
        yield OwnImages(running, folder / "workplace")
    finally:
        running.atlas("down", "--purge", "--yes")
    assert not left(running)
    assert not (place / "kubeflow-node").exists()


@pytest.fixture(scope="module")
def yard(cluster: OwnImages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """An engine's storage beside the platform's registry, which has a base image."""
    port = urlsplit(str(cluster.kubeflow.service("registry")["url"])).port
    assert port is not None
    assert cluster.kubeflow.state is not None
    made = Yard.beside(tmp_path_factory.mktemp("own-yard"), cluster.kubeflow.state, port)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.variables.items():
            patch.setenv(name, value)
        try:
            made.push_base()
            yield made
        finally:
            made.close()


EXAMPLES = {
    "tumour": {
        ("load", None), ("features-scale", None), ("split", None), ("train", None),
        ("evaluate", None), ("atlas-finish", None),
    },
    "diabetes": {
        ("load", None), ("split", None), ("folds", None), ("try-keys", None),
        *(("try", fold) for fold in range(5)),
        ("choose", None), ("train", None), ("evaluate", None), ("atlas-finish", None),
    },
}  # fmt: skip
"""The tasks of Kubeflow that run Atlas, with the iteration of a loop: each has a pod."""


@pytest.mark.parametrize("name", [*EXAMPLES])
def test_an_example_is_trained_in_its_own_image(
    cluster: OwnImages, yard: Yard, tmp_path: Path, name: str
) -> None:
    project = example(cluster, tmp_path, name)
    project.write("pyproject.toml", f'[tool.atlas]\nbase-image = "{yard.base}"\n')
    cluster.atlas(project, "build", name, "--env", "cluster")
    cluster.atlas(project, "deploy", name, "--env", "cluster")
    (summary,) = cluster.trained(project, name)
    assert summary["status"] == "done"
    there = cluster.run_of(summary["run"])
    assert there["state"] == "SUCCEEDED"
    pods = cluster.step_pods(there["run_id"])
    assert {unit_of(pod["metadata"]["annotations"]) for pod in pods} == EXAMPLES[name]
    check_images(pods, yard.host)
    if name == "diabetes":
        assert cluster.store.outcome(name, summary["run"], "choose")["metrics"]["folds"] == 5


def check_images(pods: Sequence[Any], registry: str) -> None:
    """Hold the images of a run's steps to the registry: each by its digest, and pulled."""
    steps = [one for pod in pods for one in pod["status"]["containerStatuses"]]
    steps = [one for one in steps if one["name"] == "main"]
    assert len(steps) == len(pods)
    assert all(one["image"].startswith(f"{registry}/atlas/") for one in steps), steps
    assert all("@sha256:" in one["image"] for one in steps), steps
    assert [one["imageID"] for one in steps] == [one["image"] for one in steps]
