"""A project beside a Kubeflow that runs pipelines: its Environment, its commands, what came of runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from atlas.store import Store, open_store
from atlas_toolchain import kubeflow_tests
from tests.kubeflow import running
from tests.kubeflow.running import METADATA, RunningKubeflow
from tests.projects import Project, environment
from tests.stack import ways

STORE = "s3://atlas/store"
IMAGE = f"registry.invalid/atlas/steps@sha256:{'a' * 64}"
"""What steps name as their image, which the node doesn't look at."""
_CLIENT = Path(__file__).with_name("metadata_client.py")


@dataclass(frozen=True)
class Workplace:
    """A Kubeflow, an MLflow, and where they are for Atlas.

    Attributes:
        kubeflow: the Kubeflow.
        outputs: the platform's outputs, a file.
        data: the folder that the store has as ``data``.
    """

    kubeflow: RunningKubeflow
    outputs: Path
    data: Path

    @property
    def store(self) -> Store:
        """The artifact store."""
        return open_store(STORE)

    def environment(self, project: Project, **data: Any) -> None:
        """Write a project's Environment ``cluster``, which trains here."""
        relative = os.path.relpath(self.outputs, project.root)
        targets = {"training": "kubeflow", "inference": "local"}
        project.environment("cluster", platform={"outputs": relative}, targets=targets, data=data)

    def atlas(self, project: Project, *words: str, code: int = 0) -> str:
        """Run a command of Atlas's; return what it printed."""
        kubeconfig = str(self.kubeflow.server.plane.kubeconfig)
        own = environment(KUBECONFIG=kubeconfig)
        done = project.atlas(*words, env=own, timeout=900)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def trained(self, project: Project, pipeline: str, *words: str) -> list[dict[str, Any]]:
        """Train on Kubeflow; return the summaries of the runs."""
        printed = self.atlas(project, "train", pipeline, "--env", "cluster", "--json", *words)
        lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "summary"]

    def api(self, path: str) -> Any:
        """Ask the API server of Kubeflow Pipelines."""
        with urlopen(f"{self.kubeflow.server.url}/apis/v2beta1/{path}", timeout=60) as answer:
            return json.loads(answer.read())

    def run_of(self, name: str) -> Mapping[str, Any]:
        """Return Kubeflow's newest run of a name."""
        found = self.api("runs?page_size=200&sort_by=created_at%20desc")["runs"]
        newest: Mapping[str, Any] = next(one for one in found if one["display_name"] == name)
        return newest

    def metadata(self, run: str) -> Any:
        """Return what the metadata store has of a run of Kubeflow's, by its id."""
        python = kubeflow_tests.metadata_python()
        host, _, port = METADATA.rpartition(":")
        done = subprocess.run(
            [str(python), str(_CLIENT), host, port, run],
            capture_output=True, text=True, check=True, timeout=300,
            env={**os.environ, "GRPC_VERBOSITY": "NONE"},
        )  # fmt: skip
        return json.loads(done.stdout)

    def ran(self, project: Project, pipeline: str, run: str) -> ways.Ran:
        """Return what a run has done, as its steps recorded it."""
        (found,) = project.resolve(pipeline)
        return ways.ran(self.store, found.plans["training"], run)


def workplace(kubeflow: RunningKubeflow, folder: Path, mlflow: str) -> Workplace:
    """Tell steps and Atlas of each other."""
    folder.mkdir()
    variables = {"ATLAS_STORE": STORE, "ATLAS_MLFLOW_URL": mlflow}
    running.give_platform(kubeflow.server, variables)
    service = {"kind": "mlflow", "url": mlflow, "workload_url": mlflow, "credentials": None}
    outputs = folder / "platform.json"
    text = running.outputs(kubeflow.server, folder, STORE, mlflow=service)
    outputs.write_text(text, "utf-8")
    data = kubeflow.server.folder / "s3" / "atlas" / "store" / "data"
    data.mkdir(parents=True)
    return Workplace(kubeflow, outputs, data)


def with_images(text: str) -> str:
    """Return a Recipe whose images are there already."""
    return re.sub(r'("images": )\{.*?\}\}', rf'\1{{"base": {{"reference": "{IMAGE}"}}}}', text)
