"""The examples that read files as they come, on every target: their steps give the same bytes.

Kubeflow's package is executed by its rules, each container in this process; Airflow is the real one,
with its own way of running tasks.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from atlas.plan import Pipeline, Plan, resolve
from atlas.runner import run_pipelines
from atlas.store import Store, add_code, open_store
from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from tests.contract.executing import Execution
from tests.contract.reading.package import Package
from tests.projects import Project, project
from tests.stack import ways

__all__ = ["project"]

pytest.importorskip("kfp")
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning"),
]
RECIPES = Path(__file__).parents[2] / "recipes"
IMAGE = "image@sha256:" + "0" * 64
EXAMPLES = ["spaceflights", pytest.param("flights", marks=pytest.mark.long)]


@pytest.fixture
def pipeline(request: pytest.FixtureRequest, project: Project) -> Pipeline:
    """An example in a project of its own, with its data in the project's store."""
    name = request.param
    for one in (name, "environments"):
        shutil.copytree(RECIPES / one, project.root / one)
    make = [sys.executable, str(project.root / name / "make_data.py")]
    subprocess.run([*make, project.state / "store" / "data"], check=True, capture_output=True)
    (made,) = resolve(project.root / name, environment="alone")
    return made


def other_store(project: Project, pipeline: Pipeline, name: str) -> Store:
    """Return a store with the same data, where another target runs the training."""
    folder = project.root / name
    shutil.copytree(project.state / "store" / "data", folder / "data")
    store, plan = open_store(folder.as_uri()), pipeline.plans["training"]
    store.add_plan(plan)
    add_code(store, project.root / plan.config, plan.code)
    return store


def outputs(store: Store, plan: Plan, run: str) -> dict[str, Mapping[str, str]]:
    """Return the digests of what each step gave; those of a search's trials have their times."""
    timed = {step.name for step in plan.steps if step.search}
    steps = ways.ran(store, plan, run).steps
    return {name: one.outputs for name, one in steps.items() if name.partition("[")[0] not in timed}


def here(project: Project, pipeline: Pipeline) -> dict[str, Mapping[str, str]]:
    done = run_pipelines([pipeline], flows=["training"])
    assert done.ok
    return outputs(project.store, pipeline.plans["training"], done.runs[0].run.id)


@pytest.mark.parametrize("pipeline", EXAMPLES, indirect=True)
def test_kubeflow_gives_what_a_run_here_gives(project, pipeline, tmp_path, monkeypatch):
    expected, plan = here(project, pipeline), pipeline.plans["training"]
    store = other_store(project, pipeline, "kubeflow")
    monkeypatch.setenv("ATLAS_STORE", store.url)
    compiler = KubeflowCompiler(exit_handler=True)
    images = {name: IMAGE for name in ("", *plan.images)}
    (content,) = compiler.compile(plan, images).values()
    assert Execution(Package.parse(content), tmp_path / "outputs").run({"atlas_run": "one"})
    assert outputs(store, plan, "training-one") == expected
    assert len(expected) > 5


@pytest.mark.long
@pytest.mark.parametrize("pipeline", ["spaceflights", "flights"], indirect=True)
def test_airflow_gives_what_a_run_here_gives(project, pipeline, tmp_path):
    expected, plan = here(project, pipeline), pipeline.plans["training"]
    store = other_store(project, pipeline, "airflow")
    ((name, content),) = AirflowCompiler().compile(plan, {}).items()
    file = tmp_path / "dags" / name
    file.parent.mkdir()
    file.write_bytes(content)
    worker = {"ATLAS_STORE": store.url, "ATLAS_PYTHON": sys.executable}
    ended = ways.with_airflow(file, tmp_path / "home", {}, worker)
    assert ended["state"] == "success"
    assert outputs(store, plan, f"training-{ended['run']}") == expected
