"""Searches, really run: alike on this machine, over Kubeflow's IR, and by a real Airflow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from atlas.plan import Plan
from atlas.runner import RunSettings
from atlas.search.part import TRIAL
from atlas.store import Store, add_code, open_store
from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from tests.contract.executing import Execution
from tests.contract.reading.package import Package
from tests.projects import Project
from tests.stack import ways

SOURCE = """
from atlas import Evaluator

class Rows(NamedTuple):
    rows: list[float]

class Model(NamedTuple):
    model: dict[str, float]

class Load(Template):
    def run(self) -> Rows:
        return Rows([1.0, 2.0])

class Train(Template):
    kind: str
    x: float = 0.0
    depth: int = 1
    def run(self, rows: list[float]) -> Model:
        if self.kind == "breaks":
            raise ValueError("no such kind")
        if self.kind == "dies":
            import os

            os._exit(3)
        for step in range(4):
            self.context.report((self.x - 1) ** 2 + 4 - step, step)
        return Model({"x": self.x, "depth": self.depth, "rows": len(rows)})

class Evaluate(Evaluator):
    weight: float = 0.0
    def evaluate(self, model: dict[str, float], rows: list[float]) -> dict[str, float]:
        return {"loss": (model["x"] - 1) ** 2 + self.weight * model["depth"], "depth": model["depth"]}
"""
SEARCH: dict[str, Any] = {
    "space": {
        "x": {"low": -4, "high": 4},
        "depth": {"low": 1, "high": 64, "log": True},
        "kind": {"choices": ["a", "b", "breaks"]},
    },
    "metric": "loss",
    "goal": "minimize",
    "evaluate": {
        "class": "steps:Evaluate",
        "inputs": {"rows": "load.rows"},
        "params": {"weight": 0.01},
    },
    "trials": 8,
    "concurrency": 3,
    "pruning": {"after_trials": 2},
}


def steps(**more: Any) -> dict[str, Any]:
    return {
        "load": {"class": "steps:Load"},
        "train": {
            "class": "steps:Train",
            "inputs": {"rows": "load.rows"},
            "search": {**SEARCH, **more},
        },
        "test": {
            "class": "steps:Evaluate",
            "inputs": {"model": "train.model", "rows": "load.rows"},
        },
    }


WAYS = {
    "random": {},
    "refit": {"refit": True},
    "tpe": {"method": "tpe"},
    "dies": {
        "space": {**SEARCH["space"], "kind": {"choices": ["a", "dies"]}},
        "trials": 4,
        "max_failed": 3,
    },
    "grid": {
        "method": "grid",
        "space": {"x": {"low": -1, "high": 1, "step": 1}, "kind": {"choices": ["a", "breaks"]}},
    },
}


def made(root: Path, **more: Any) -> tuple[Project, Plan]:
    project = Project(root)
    project.pipeline("tune", SOURCE, steps(**more))
    (pipeline,) = project.resolve("tune")
    return project, pipeline.plans["training"]


def found(store: Store, plan: Plan, run_id: str) -> dict[str, Any]:
    """Return what a search has found, without its times."""
    run = store.run(plan.name, run_id)
    trials = [
        store.get(plan.name, run_id, step.name, "result", index=index)
        for step in plan.steps
        if step.search and step.search.role == TRIAL
        for index in store.indexes(run, step.name)
    ]
    timed = ("started", "ended", "seconds")
    return {
        "trials": [
            {k: v for k, v in trial.items() if k not in timed}
            | {"error": trial["error"].partition(";")[0]}  # Here no log says more: it was shown.
            for trial in trials
        ],
        "best": store.get(plan.name, run_id, "train", "best_params"),
        "model": store.get(plan.name, run_id, "train", "model"),
        "metrics": store.get(plan.name, run_id, "test", "metrics"),
    }


def local(root: Path, settings: RunSettings | None = None, **more: Any) -> dict[str, Any]:
    project, plan = made(root, **more)
    ran = project.run("tune", settings)
    assert ran.ok, ran.errors()
    return found(project.store, plan, ran.id)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_kubeflow_finds_what_a_run_here_does(way, tmp_path, monkeypatch):
    expected = local(tmp_path / "local", **WAYS[way])
    project, plan = made(tmp_path / "project", **WAYS[way])
    store = prepared(tmp_path / "store", project, plan)
    monkeypatch.setenv("ATLAS_STORE", store.url)
    (content,) = (
        KubeflowCompiler(exit_handler=True).compile(plan, {"": "image@sha256:" + "0" * 64}).values()
    )
    execution = Execution(Package.parse(content), tmp_path / "outputs")
    assert execution.run({"atlas_run": "one"})
    assert found(store, plan, "training-one") == expected
    states = {trial["state"] for trial in expected["trials"]}
    assert "failed" in states
    assert "done" in states


def prepared(folder: Path, project: Project, plan: Plan) -> Store:
    folder.mkdir()
    store = open_store(folder.as_uri())
    store.add_plan(plan)
    add_code(store, project.root / "tune", plan.code)
    return store


def test_how_many_run_at_once_changes_nothing(tmp_path):
    one = local(tmp_path / "one", RunSettings(jobs=1))
    assert local(tmp_path / "many", RunSettings(jobs=4)) == one


@pytest.mark.long
@pytest.mark.parametrize("way", ["dies", "random"])
def test_airflow_finds_what_a_run_here_does(way, tmp_path):
    expected = local(tmp_path / "local", **WAYS[way])
    project, plan = made(tmp_path / "project", **WAYS[way])
    store = prepared(tmp_path / "store", project, plan)
    ((name, content),) = AirflowCompiler().compile(plan, {}).items()
    file = tmp_path / "dags" / name
    file.parent.mkdir()
    file.write_bytes(content)
    worker = {"ATLAS_STORE": store.url, "ATLAS_PYTHON": sys.executable}
    told = ways.with_airflow(file, tmp_path / "home", {}, worker)
    assert told["state"] == "success"
    assert found(store, plan, f"training-{told['run']}") == expected
