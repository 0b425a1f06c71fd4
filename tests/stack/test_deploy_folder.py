"""`atlas deploy FOLDER`: every Config below it, each as a stack of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from atlas.targets.airflow.api import AirflowApi
from tests.projects import Project

pytestmark = pytest.mark.stack

SOURCE = """
class Out(NamedTuple):
    text: str

class Say(Template):
    text: str = ""
    def run(self) -> Out:
        return Out(self.text)
"""
NAMES = ("folder-east", "folder-west")
DAGS = {f"{name}-inference" for name in NAMES}


class Folder:
    """A folder with two Configs, whose inference the session's Airflow runs."""

    def __init__(self, platform: Any, root: Path) -> None:
        self.platform, self.project = platform, Project(root)
        self.project.environment(targets={"training": "local", "inference": "airflow"})
        for name in NAMES:
            self.say(name, f"good morning, {name}")

    def say(self, name: str, text: str) -> None:
        """Write a pipeline that says something in inference."""
        steps = {"say": {"class": "steps:Say", "params": {"text": text}}}
        self.project.pipeline(name, SOURCE, steps, steps)

    def deploy(self) -> set[tuple[str, str]]:
        """Deploy the folder; return what has changed: stack and name."""
        printed = self.platform.run("deploy", ".", "--json", cwd=self.project.root).stdout
        return {
            (result["stack"], change["name"])
            for result in json.loads(printed)
            for change in result["changes"]
            if change["action"] != "same"
        }

    @property
    def airflow(self) -> AirflowApi:
        services = self.platform.outputs["services"]
        there = services["airflow"]
        return AirflowApi(there["url"], services["secrets"]["url"], there["credentials"])

    def files(self) -> dict[str, str]:
        """Return the DAG files of the two, by their DAG."""
        folder = Path(urlsplit(self.platform.url("dags")).path)
        return {file.stem: file.read_text() for file in folder.glob("folder-*.py")}


@pytest.fixture
def folder(platform: Any, tmp_path: Path) -> Iterator[Folder]:
    made = Folder(platform, tmp_path)
    yield made
    platform.run("destroy", ".", cwd=tmp_path)


def test_the_inference_of_each_config_is_deployed(folder: Folder) -> None:
    assert folder.deploy() == {(f"{name}.local", f"{name}-inference") for name in NAMES}
    dags = folder.airflow.dags([*DAGS])
    assert {name for name, dag in dags.items() if not dag.broken} == DAGS
    before = folder.files()
    assert {*before} == DAGS
    assert folder.deploy() == set()

    east, west = sorted(DAGS)
    folder.say(NAMES[0], "good night")
    assert {name for _, name in folder.deploy()} == {east}
    after = folder.files()
    assert after[east] != before[east]
    assert after[west] == before[west]

    folder.platform.run("destroy", ".", cwd=folder.project.root)
    assert folder.files() == {}
    assert folder.airflow.dags([*DAGS]) == {}
