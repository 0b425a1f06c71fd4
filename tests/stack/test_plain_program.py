"""Pulumi's own command, on the docs' example of a user's program, and importing what is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from atlas.targets.airflow.api import AirflowApi
from atlas_toolchain import engine
from tests.docs import examples

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
DAG = "tumour-inference"
OWNER = "factory.dev/tumour"
IMPORTED = """\
import json, os, re
import pulumi
from atlas_provider.resources import (
    AirflowDags, AlertRules, KubeflowPipelines, Process, RegisteredModels
)

def snake(name):
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)

for kind, (name, identity, inputs) in json.loads(os.environ["IMPORTED"]).items():
    given = {snake(key): value for key, value in inputs.items() if key != "name"}
    globals()[kind](name, **given, opts=pulumi.ResourceOptions(import_=identity))
"""


@dataclass(frozen=True)
class Project:
    """A user's project with a Pulumi program in it, on the session's platform.

    Attributes:
        platform: the platform.
        folder: the project's folder.
    """

    platform: Any
    folder: Path

    def pulumi(self, *words: str, code: int = 0, **more: str) -> str:
        """Run Pulumi's command, hold it to an exit code, and return what it printed."""
        found = engine.find()
        assert found
        path = [str(Path(sys.executable).parent), str(found.path.parent), os.environ["PATH"]]
        environment = {
            **{name: value for name, value in os.environ.items() if "ATLAS" not in name},
            "PATH": os.pathsep.join(path),
            "PULUMI_BACKEND_URL": (self.folder / "backend").as_uri(),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "hunter2",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            **more,
        }
        done = subprocess.run(
            [str(found.path), "--non-interactive", *words],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == code, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def state(self, stack: str) -> str:
        """Return the text of a stack's state."""
        return self.pulumi("stack", "export", "--stack", stack)

    @property
    def outputs(self) -> str:
        return str(self.folder / ".atlas" / "platform" / "local" / "outputs.json")

    @property
    def dag_file(self) -> Path:
        return Path(urllib.parse.urlsplit(self.platform.url("dags")).path) / f"{DAG}.py"

    @property
    def airflow(self) -> AirflowApi:
        services = self.platform.outputs["services"]
        airflow = services["airflow"]
        return AirflowApi(airflow["url"], services["secrets"]["url"], airflow["credentials"])


@pytest.fixture(scope="module")
def project(platform, tmp_path_factory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("plain") / "recipes"
    shutil.copytree(ROOT / "recipes", folder, ignore=shutil.ignore_patterns(".atlas"))
    settings = folder / "pyproject.toml"
    settings.write_text(settings.read_text().replace('state = "../.atlas"\n', ""))
    config = folder / "tumour" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "alerts": {"failed": True}}))
    (folder / ".atlas").symlink_to(platform.state)
    (folder / "backend").mkdir()
    for block in examples.blocks(ROOT / "docs" / "pulumi.md"):
        if block.mark == "file":
            (folder / block.value).write_text(block.text)
    made = Project(platform, folder)
    made.pulumi("stack", "init", "dev")
    yield made
    made.pulumi("destroy", "--yes", "--skip-preview", "--stack", "dev")
    assert not made.dag_file.exists()
    assert not made.airflow.has(DAG)


def test_preview_writes_nothing_and_up_deploys(project):
    place = Path(urllib.parse.urlsplit(project.platform.url("store")).path)
    assert "6 to create" in project.pulumi("preview")
    assert not project.dag_file.exists()
    assert not (place / "deployments" / "owners" / "dags" / DAG).exists()
    assert "6 created" in project.pulumi("up", "--yes", "--skip-preview")
    dag = project.airflow.dags([DAG])[DAG]
    assert (dag.paused, dag.broken) == (False, False)
    assert project.pulumi("stack", "output", "held", "--json").strip() == "[]"
    project.pulumi("preview", "--refresh", "--expect-no-changes")


def test_what_was_changed_behind_its_back_is_previewed_and_repaired(project):
    good = project.dag_file.read_bytes()
    project.dag_file.write_bytes(good + b"# by hand\n")
    previewed = project.pulumi("preview", "--refresh", "--diff")
    assert "1 to update" in previewed
    assert DAG in previewed
    project.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert project.dag_file.read_bytes() == good


def test_a_name_that_the_program_deployed_isnt_atlas_deploys_to_take(project):
    done = project.platform.run("deploy", "tumour", cwd=project.folder, code=1)
    assert f"{DAG}: belongs to stack {OWNER}/inference" in done.stderr
    project.platform.run("destroy", "tumour", cwd=project.folder)
    assert project.dag_file.exists()


def imported(project: Project) -> dict[str, tuple[str, str]]:
    """Return a resource's name and id, by kind."""
    process = project.platform.state / "platform" / "local" / "mlflow-server"
    where = f"outputs={project.outputs}"
    return {
        "AirflowDags": ("dags", f"{OWNER}/inference?{where}"),
        "AlertRules": ("alerts", f"{OWNER}/alerts?{where}"),
        "KubeflowPipelines": ("packages", f"{OWNER}/training?{where}"),
        "RegisteredModels": ("models", f"{OWNER}/models?{where}&models=tumour"),
        "Process": ("mlflow-server", str(process)),
    }


def resources_of(state: str) -> dict[str, Any]:
    """Return the resources in an exported state, by kind."""
    found = json.loads(state)["deployment"]["resources"]
    return {r["type"].rpartition(":")[2]: r for r in found if r["type"].startswith("atlas:")}


def test_every_kind_is_imported_by_its_id(project):
    """By `pulumi import` into a second stack, then by a program's options into a third."""
    project.pulumi("stack", "init", "by-command")
    options = ("--yes", "--skip-preview", "--generate-code=false", "--protect=false")
    for kind, (name, identity) in imported(project).items():
        said = project.pulumi("import", f"atlas:index:{kind}", name, identity, *options)
        assert "1 imported" in said
        assert "failed to validate" not in said
    found = resources_of(project.state("by-command"))
    assert {*found} == {*imported(project)}
    own = resources_of(project.state("dev"))
    for kind in ("AirflowDags", "AlertRules", "KubeflowPipelines"):
        assert (found[kind]["id"], found[kind]["inputs"], found[kind]["outputs"]) == (
            own[kind]["id"], own[kind]["inputs"], own[kind]["outputs"]
        )  # fmt: skip
    assert "ciphertext" in json.dumps(found["Process"]["inputs"]["environment"])

    _check_options(project)


def _check_options(project: Project) -> None:
    """Import by a program, which declares what is there; then nothing is left to do."""
    shown = project.pulumi("stack", "export", "--show-secrets", "--stack", "by-command")
    found = resources_of(shown)
    given = {
        kind: (name, identity, plain(found[kind]["inputs"]))
        for kind, (name, identity) in imported(project).items()
    }
    program = project.folder / "__main__.py"
    kept = program.read_text()
    program.write_text(IMPORTED)
    try:
        project.pulumi("stack", "init", "by-options")
        text = json.dumps(given)
        assert "5 imported" in project.pulumi("up", "--yes", "--skip-preview", IMPORTED=text)
        project.pulumi("preview", "--refresh", "--expect-no-changes", IMPORTED=text)
    finally:
        program.write_text(kept)
        project.pulumi("stack", "select", "dev")


def plain(value: Any) -> Any:
    """Return a value of an exported state without the marks of secrets."""
    if isinstance(value, dict) and "plaintext" in value:
        return json.loads(value["plaintext"])
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "__defaults"}
    return value


def test_an_import_that_finds_nothing_says_where_it_looked(project):
    project.pulumi("stack", "init", "nothing")
    identity = f"nobody.dev/inference?outputs={project.outputs}"
    said = project.pulumi(
        "import", "atlas:index:AirflowDags", "dags", identity, "--yes", "--skip-preview",
        "--generate-code=false", code=1,
    )  # fmt: skip
    assert "nobody.dev/inference: has no DAG in file://" in said
    project.pulumi("stack", "select", "dev")
