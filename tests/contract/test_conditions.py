"""Conditions, really run: alike on this machine, over Kubeflow's IR, and by a real Airflow."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from atlas.plan import Plan
from atlas.runner import RunSettings
from atlas.step.execute import recorded
from atlas.store import Store, add_code, open_store
from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from tests.contract.executing import Execution
from tests.contract.reading.package import Package
from tests.projects import Project
from tests.stack import ways

SOURCE = """
class Checked(NamedTuple):
    ok: bool
    score: float
    word: str
    keys: list[str]

class Text(NamedTuple):
    text: str

class Check(Template):
    ok: bool
    score: float
    count: int
    def run(self) -> Checked:
        return Checked(self.ok, self.score, "a", [f"key {n}" for n in range(self.count)])

class Make(Template):
    text: str
    def run(self) -> Text:
        return Text(self.text)

class Pass(Template):
    def run(self, text: str) -> Text:
        return Text(text + "!")

class Maybe(Template):
    def run(self, text: str | None = None) -> Text:
        return Text(f"got {text}")

class Each(Template):
    def run(self, key: str) -> Text:
        return Text(key)

class Gather(Template):
    def run(self, texts: list[str]) -> Text:
        return Text(",".join(texts))
"""
PARAMETERS = {
    "ok": {"type": "boolean", "default": True},
    "score": {"type": "number", "default": 2.5},
    "count": {"type": "integer", "default": 2},
}
OK = {"step": "check.ok", "is": True}
STEPS = {
    "check": {"class": "steps:Check", "params": {name: {"parameter": name} for name in PARAMETERS}},
    "tuned": {"class": "steps:Make", "params": {"text": "tuned"}, "when": OK},
    "plain": {"class": "steps:Make", "params": {"text": "plain"}, "when": {"not": OK}},
    "needs": {"class": "steps:Pass", "inputs": {"text": "plain.text"}},
    "maybe": {"class": "steps:Maybe", "inputs": {"text": "needs.text"}},
    "pick": {"class": "steps:Pass", "inputs": {"text": {"one_of": ["tuned.text", "plain.text"]}}},
    "each": {
        "class": "steps:Each",
        "foreach": {"key": "check.keys"},
        "when": {"any": [{"step": "check.score", "above": 3}, {"step": "plain.text", "is": "no"}]},
    },
    "gather": {"class": "steps:Gather", "inputs": {"texts": "each.text"}, "after": ["plain"]},
    "fixed": {"class": "steps:Each", "foreach": {"key": ["emea", "apac"]}, "after": ["check"]},
    "nothing": {"class": "steps:Each", "foreach": {"key": []}, "after": ["check"]},
    "counts": {"class": "steps:Gather", "inputs": {"texts": "nothing.text"}},
    "behind": {"class": "steps:Make", "params": {"text": "behind"}, "after": ["each", "tuned"]},
}
CASES = [
    {"ok": ok, "score": score, "count": count}
    for ok, (score, count) in product((True, False), ((2.5, 2), (4.0, 2), (4.0, 0)))
]


def made(root: Path) -> tuple[Project, Plan]:
    project = Project(root)
    project.write("pyproject.toml", "[tool.atlas]\n")
    project.pipeline("branches", SOURCE, STEPS, parameters=PARAMETERS)
    (pipeline,) = project.resolve("branches")
    return project, pipeline.plans["training"]


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """Return what each step of a run makes; None for one that is skipped."""
    ok, loops = case["ok"], case["score"] > 3
    keys = [f"key {n}" for n in range(case["count"])]
    picked = "tuned" if ok else "plain"
    return {
        "tuned": "tuned" if ok else None,
        "plain": None if ok else "plain",
        "needs": None if ok else "plain!",
        "maybe": "got None" if ok else "got plain!",
        "pick": f"{picked}!",
        "each": keys if loops else None,
        "gather": ",".join(keys) if loops else None,
        "behind": "behind",
        "fixed": ["emea", "apac"],
        "nothing": [],
        "counts": "",
    }


def found(store: Store, plan: Plan, run_id: str) -> dict[str, Any]:
    """Return what each step of a run has made, by its records."""
    run = store.run(plan.name, run_id)
    texts: dict[str, Any] = {}
    for step in plan.steps[1:]:
        whole = recorded(store, run, step.name)
        if whole is not None and whole.is_skipped:
            texts[step.name] = None
        elif step.foreach:
            indexes = store.indexes(run, step.name)
            texts[step.name] = [
                store.read(store.manifest(plan.name, run_id, step.name, "text", index=index))
                for index in indexes
            ]
        else:
            texts[step.name] = store.get(plan.name, run_id, step.name, "text")
    return texts


def prepared(folder: Path, project: Project, plan: Plan) -> Store:
    folder.mkdir()
    store = open_store(folder.as_uri())
    store.add_plan(plan)
    add_code(store, project.root / "branches", plan.code)
    return store


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_kubeflows_branches_are_what_a_run_here_does(case, tmp_path, monkeypatch):
    project, plan = made(tmp_path / "project")
    store = prepared(tmp_path / "store", project, plan)
    monkeypatch.setenv("ATLAS_STORE", store.url)
    (content,) = (
        KubeflowCompiler(exit_handler=True).compile(plan, {"": "image@sha256:" + "0" * 64}).values()
    )
    execution = Execution(Package.parse(content), tmp_path / "outputs")
    assert execution.run({"atlas_run": "one", **case})
    assert found(store, plan, "training-one") == expected(case)
    assert store.run_outcome(plan.name, "training-one")["status"] == "done"
    skipped = {name for name, text in expected(case).items() if text is None}
    began = {name for name in execution.began if name in plan.by_name}
    empty = {"nothing", *(["each"] if not case["count"] else [])}
    assert began == {*plan.by_name} - skipped - empty
    assert {name for name in execution.began if name.endswith(".skipped")} == {
        f"{name}.skipped" for name in skipped
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_a_run_on_this_machine_skips_what_it_should(case, tmp_path):
    project, plan = made(tmp_path / "project")
    ran = project.run("branches", RunSettings(parameters=case))
    assert ran.result.ok
    run = ran.result.runs[0].run.id
    assert found(project.store, plan, run) == expected(case)
    again = project.run("branches", RunSettings(parameters=case))
    assert found(project.store, plan, again.result.runs[0].run.id) == expected(case)
    outcomes = again.result.runs[0].outcomes.values()
    assert all(one.cached or one.is_skipped for one in outcomes), "the second is taken whole"


@pytest.mark.long
@pytest.mark.parametrize("case", CASES[1::2], ids=lambda case: "-".join(map(str, case.values())))
def test_airflows_short_circuits_are_what_a_run_here_does(case, tmp_path):
    project, plan = made(tmp_path / "project")
    store = prepared(tmp_path / "store", project, plan)
    ((name, content),) = AirflowCompiler().compile(plan, {}).items()
    file = tmp_path / "dags" / name
    file.parent.mkdir()
    file.write_bytes(content)
    worker = {"ATLAS_STORE": store.url, "ATLAS_PYTHON": sys.executable}
    told = ways.with_airflow(file, tmp_path / "home", case, worker)
    assert told["state"] == "success"
    assert found(store, plan, f"training-{told['run']}") == expected(case)
