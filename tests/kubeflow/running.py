"""A Kubeflow Pipelines that runs pipelines: the local platform with `atlas:kubeflow: cluster`.

Where KUBECONFIG names a cluster, and ATLAS_TEST_KUBEFLOW_OUTPUTS the outputs of its platform (a file
as docs/kubeflow.md has it), that is used instead, and left as it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from atlas.http.credentials import read_secret
from atlas.uris import path_of
from atlas_provider import process_trees
from atlas_provider.cluster.cell import entering
from atlas_toolchain import kubeflow_programs, kubeflow_source
from tests.kubeflow.server import require

OUTPUTS, IMAGE = "ATLAS_TEST_KUBEFLOW_OUTPUTS", "ATLAS_TEST_KUBEFLOW_IMAGE"
METADATA = ("127.0.0.1", 8080)
SECONDS = 900


@dataclass(frozen=True)
class RunningKubeflow:
    """A Kubeflow Pipelines that runs pipelines.

    Attributes:
        outputs: the file with the platform's outputs.
        kubeconfig: opens its Kubernetes.
        image: what steps name as their image; a node whose pods are processes doesn't look at it.
        state: the state folder of the platform that was brought up; None for somebody else's.
    """

    outputs: Path
    kubeconfig: Path
    image: str
    state: Path | None = None

    def service(self, name: str) -> Mapping[str, Any]:
        """Return a service of its outputs."""
        found: Mapping[str, Any] = json.loads(self.outputs.read_text("utf-8"))["services"][name]
        return found

    def headers(self) -> dict[str, str]:
        """Return what opens Kubeflow's API."""
        name = self.service("kubeflow")["credentials"]
        if not name:
            return {}
        folder = Path(path_of(self.service("secrets")["url"]))
        return {"Authorization": f"Bearer {read_secret(folder, name)['password']}"}

    @property
    def platform(self) -> Path:
        """The folder of the platform's processes, where it was brought up."""
        if self.state is None:
            pytest.skip("somebody else's Kubeflow: its processes aren't here")
        return self.state / "platform" / "local"

    def inside(self, *line: str) -> list[str]:
        """Return a command that is run beside its parts."""
        return entering(self.platform / "kubeflow-cell" / "cell", line)

    def atlas(self, *words: str, code: int = 0) -> str:
        """Run a command of Atlas's on the platform itself."""
        own = {"ATLAS_STATE": str(self.platform.parents[1])}
        done = subprocess.run(
            [sys.executable, "-m", "atlas_cli", *words],
            cwd=self.platform.parents[2] / "project", env={**os.environ, **own},
            capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@contextmanager
def running_kubeflow(folder: Path) -> Iterator[RunningKubeflow]:
    """Have a Kubeflow Pipelines that runs pipelines; skip the test where there can't be one.

    Args:
        folder: keeps everything; its owner removes it.
    """
    outputs = os.environ.get(OUTPUTS)
    if outputs and os.environ.get("KUBECONFIG"):
        image = os.environ.get(IMAGE, "")
        yield RunningKubeflow(Path(outputs).resolve(), Path(os.environ["KUBECONFIG"]), image)
        return
    require(*(one.name for one in kubeflow_programs.PROGRAMS))
    source = kubeflow_source.place()
    assert source is not None
    project, state = folder / "project", folder / "state"
    configure(project, source)
    running = RunningKubeflow(
        state / "platform" / "local" / "outputs.json",
        state / "platform" / "local" / "kubeflow-apiserver" / "kubeconfig",
        "",
        state,
    )
    try:
        running.atlas("up")
        yield running
    finally:
        running.atlas("down")
    assert not left(running)


def configure(project: Path, source: Path, **more: str) -> None:
    """Write a project whose local platform has a Kubeflow with a Kubernetes of its own."""
    project.mkdir(parents=True)
    (project / "pyproject.toml").write_text("[tool.atlas]\n", "utf-8")
    settings = {
        "kubeflow": "cluster", "kubeflowSource": str(source), "tasks": "kubernetes",
        "services": "mlflow,airflow", **more,
    }  # fmt: skip
    config = {f"atlas:{name}": value for name, value in settings.items()}
    (project / "Pulumi.local.yaml").write_text(json.dumps({"config": config}), "utf-8")


def left(running: RunningKubeflow) -> list[str]:
    """Return what is there of a Kubeflow that should be gone: processes, mounts, pods' roots."""
    places = [str(path) for path in running.platform.glob("kubeflow-*")]
    alive = [str(one) for place in places for one in process_trees.marked(place)]
    lines = Path("/proc/mounts").read_text("utf-8").splitlines()
    mounts = [line for line in lines if str(running.platform) in line]
    roots = [str(path) for path in running.platform.glob("kubeflow-node/pods/*")]
    return [*alive, *mounts, *roots]
