"""A copy of the example pipeline on the session's platform, for tests to deploy and to change."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from atlas.targets.airflow.api import AirflowApi

RECIPES = Path(__file__).parents[2] / "recipes"
SECONDS = 240


@dataclass(frozen=True)
class Pipeline:
    """A copy of the example pipeline under a name of its own, on the session's platform."""

    platform: Any
    name: str
    folder: Path

    def atlas(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.platform.run(*words, cwd=self.folder.parent, code=code)

    def interrupted(self, number: int, delay: float, *words: str) -> None:
        """Send a signal to a command that has run for so long; no traceback may be told."""
        process = subprocess.Popen(
            self.platform.command(*words),
            env=self.platform.environment, cwd=self.folder.parent,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        time.sleep(delay)
        process.send_signal(number)
        said, _ = process.communicate(timeout=120)
        assert "Traceback" not in said

    def deploy(self) -> list[dict[str, Any]]:
        done = self.atlas("deploy", self.folder.name, "--json")
        return [c for c in json.loads(done.stdout)[0]["changes"] if c["action"] != "same"]

    def status(self) -> dict[str, dict[str, Any]]:
        return self.status_of(self.folder.name)

    def status_of(self, path: str) -> dict[str, dict[str, Any]]:
        (found,) = json.loads(self.atlas("status", path, "--json").stdout).values()
        return {one["name"]: one for one in found["resources"]}

    def edit(self, file: str, **changes: object) -> None:
        path = self.folder / file
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    def trees(self, number: int) -> None:
        self.edit("config.json", steps={"train": {"params": {"trees": number}}})

    def touch(self, number: int) -> None:
        """Change the code, which is in the Plans of both flows."""
        with (self.folder / "steps.py").open("a") as steps:
            steps.write(f"# {number}\n")

    @property
    def dag(self) -> str:
        return f"{self.name}-inference"

    @property
    def dag_file(self) -> Path:
        url = urllib.parse.urlsplit(self.platform.url("dags"))
        return Path(url.path) / f"{self.dag}.py"

    @property
    def airflow(self) -> AirflowApi:
        services = self.platform.outputs["services"]
        airflow = services["airflow"]
        return AirflowApi(airflow["url"], services["secrets"]["url"], airflow["credentials"])

    @property
    def store(self) -> Path:
        return Path(urllib.parse.urlsplit(self.platform.url("store")).path)


@pytest.fixture
def pipeline(platform, tmp_path, request):
    name = f"t{abs(hash(request.node.name)) % 10**8}"
    shutil.copytree(RECIPES, tmp_path / "recipes")
    made = Pipeline(platform, name, tmp_path / "recipes" / "tumour")
    config = json.loads((made.folder / "config.json").read_text())
    model = {**config["model"], "name": name}
    # Only who wants a run to start has a schedule: the others would wait for its end.
    schedule = config["schedule"] if "whole_way" in request.node.name else {}
    made.edit("config.json", name=name, model=model, schedule=schedule)
    yield made
    platform.run("destroy", made.folder.name, cwd=made.folder.parent)


def write_data(pipeline: Pipeline) -> None:
    """Write the example's data into the platform's store, as private as that is.

    What Atlas writes beside it is as private as the folder is that it finds there.
    """
    script = pipeline.folder / "make_data.py"
    command = [sys.executable, str(script), str(pipeline.store / "data")]
    subprocess.run(command, check=True, capture_output=True, umask=0o077)


def call(
    url: str, data: object = None, method: str = "", headers: Mapping[str, str] | None = None
) -> Any:
    body = None if data is None else json.dumps(data).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, body, headers, method=method or None)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or "null")


def patch_dag(pipeline: Pipeline, **fields: object) -> None:
    pipeline.airflow._call("PATCH", f"dags/{pipeline.dag}", body=fields)


def wait_for(condition, seconds: float = SECONDS) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.5)
    return found
