"""A project beside a Kubeflow that runs pipelines: its Environment, its commands, what came of runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from atlas.cluster import Cluster
from atlas.store import Store, open_location, open_store
from atlas_toolchain import kubeflow_programs
from tests.kubeflow.running import METADATA, RunningKubeflow
from tests.projects import Project, environment
from tests.stack import ways

IMAGE = f"registry.invalid/atlas/steps@sha256:{'a' * 64}"
"""What steps name as their image, which a node whose pods are processes doesn't look at."""
_CLIENT = Path(__file__).with_name("metadata_client.py")


@dataclass(frozen=True)
class Workplace:
    """A Kubeflow, and what is done with it.

    Attributes:
        kubeflow: the Kubeflow.
        folder: a folder of its own.
    """

    kubeflow: RunningKubeflow
    folder: Path

    @property
    def url(self) -> str:
        """Where the artifact store is."""
        return str(self.kubeflow.service("store")["url"])

    @property
    def store(self) -> Store:
        """The artifact store."""
        return open_store(self.url)

    @property
    def image(self) -> str:
        """What steps name as their image."""
        return self.kubeflow.image or IMAGE

    def put(self, write: Callable[[Path], object]) -> None:
        """Put data into the store, which a function writes into a folder."""
        place = self.folder / "data"
        write(place)
        location = open_location(self.url)
        for file in place.iterdir():
            location.write(f"data/{file.name}", file.read_bytes())

    def environment(self, project: Project, **fields: Any) -> None:
        """Write a project's Environment ``cluster``, which trains here."""
        relative = os.path.relpath(self.kubeflow.outputs, project.root)
        targets = {"training": "kubeflow", "inference": "local"}
        whole = {"targets": targets, **fields}
        project.environment("cluster", platform={"outputs": relative}, **whole)

    def atlas(self, project: Project, *words: str, code: int = 0) -> str:
        """Run a command of Atlas's; return what it printed."""
        own = environment(KUBECONFIG=str(self.kubeflow.kubeconfig))
        done = project.atlas(*words, env=own, timeout=900)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def trained(self, project: Project, pipeline: str, *words: str) -> list[dict[str, Any]]:
        """Train on Kubeflow; return the summaries of the runs."""
        printed = self.atlas(project, "train", pipeline, "--env", "cluster", "--json", *words)
        lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "summary"]

    def api(self, path: str, method: str = "GET") -> Any:
        """Ask the API server of Kubeflow Pipelines."""
        url = f"{self.kubeflow.service('kubeflow')['url']}/apis/v2beta1/{path}"
        request = Request(url, headers=self.kubeflow.headers(), method=method)
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def run_of(self, name: str) -> Mapping[str, Any]:
        """Return Kubeflow's newest run of a name."""
        found = self.api("runs?page_size=200&sort_by=created_at%20desc")["runs"]
        newest: Mapping[str, Any] = next(one for one in found if one["display_name"] == name)
        return newest

    def pods(self, **selectors: str) -> list[Any]:
        """Return pods of Kubeflow's namespace, by ``labelSelector`` or ``fieldSelector``."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(self.kubeflow.kubeconfig))
            found = Cluster().get("/api/v1/namespaces/kubeflow/pods", selectors)
        assert found is not None
        return list(found["items"])

    def metadata(self, run: str) -> Any:
        """Return what the metadata store has of a run of Kubeflow's, by its id."""
        python, (host, port) = kubeflow_programs.metadata_python(), METADATA
        done = subprocess.run(
            self.kubeflow.inside(str(python), str(_CLIENT), host, str(port), run),
            capture_output=True, text=True, check=True, timeout=300,
            env={**os.environ, "GRPC_VERBOSITY": "NONE"},
        )  # fmt: skip
        return json.loads(done.stdout)

    def ran(self, project: Project, pipeline: str, run: str) -> ways.Ran:
        """Return what a run has done, as its steps recorded it."""
        (found,) = project.resolve(pipeline)
        return ways.ran(self.store, found.plans["training"], run)

    def with_images(self, text: str) -> str:
        """Return a Recipe whose images are there already."""
        return re.sub(
            r'("images": )\{.*?\}\}', rf'\1{{"base": {{"reference": "{self.image}"}}}}', text
        )
