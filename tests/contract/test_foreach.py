"""`foreach` over several lists and over Recipes, really run: here, over Kubeflow's IR, by Airflow."""

from __future__ import annotations

import json
import sys
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
class Listed(NamedTuple):
    markets: list[str]
    sizes: list[int]
    big: bool

class Text(NamedTuple):
    text: str

class List(Template):
    count: int
    def run(self) -> Listed:
        return Listed(["de", "fr", "it"][: self.count], [1, 2], self.count > 2)

class Pair(Template):
    def run(self, market: str, size: int) -> Text:
        return Text(f"{market}{size}")

class Rows(Template):
    def run(self, name: str, times: int) -> Text:
        return Text(name * times)

class Add(Template):
    end: str
    def run(self, text: str) -> Text:
        return Text(text + self.end)

class Gather(Template):
    def run(self, texts: list[str], more: list[str] = []) -> Text:
        return Text(",".join([*texts, *more]))
"""
STEPS = {
    "list": {"class": "steps:List", "params": {"count": {"parameter": "count"}}},
    "pair": {
        "class": "steps:Pair",
        "foreach": {"market": "list.markets", "size": [3, 4]},
    },
    "pairs": {"class": "steps:Gather", "inputs": {"texts": "pair.text"}},
    "each": {
        "recipe": "market.json",
        "foreach": {"market": "list.markets"},
        "inputs": {"times": "times.number"},
    },
    "times": {"class": "steps:Times"},
    "grid": {"recipe": "market.json", "foreach": {"times": "list.sizes", "market": ["a", "b"]}},
    "maybe": {
        "recipe": "market.json",
        "foreach": {"market": "list.markets"},
        "inputs": {"times": "times.number"},
        "when": {"step": "list.big", "is": True},
    },
    "all": {"class": "steps:Gather", "inputs": {"texts": "each.text", "more": "grid.rows.text"}},
    "rest": {"class": "steps:Gather", "inputs": {"texts": "grid.text", "more": "maybe.text"}},
}
TIMES = """
class Number(NamedTuple):
    number: int

class Times(Template):
    def run(self) -> Number:
        return Number(2)
"""
MARKET = {
    "version": 1,
    "name": "market",
    "inputs": {"market": {}, "times": {}},
    "outputs": {"text": "deep.text"},
    "steps": {
        "rows": {"class": "steps:Rows", "inputs": {"name": "input.market", "times": "input.times"}},
        "add": {"class": "steps:Add", "inputs": {"text": "rows.text"}, "params": {"end": "!"}},
        "deep": {"recipe": "deep.json", "inputs": {"text": "add.text"}},
    },
}
DEEP = {
    "version": 1,
    "name": "deep",
    "inputs": {"text": {}},
    "outputs": {"text": "last.text"},
    "steps": {
        "last": {"class": "steps:Add", "inputs": {"text": "input.text"}, "params": {"end": "?"}}
    },
}
PARAMETERS = {"count": {"type": "integer", "default": 2}}
COUNTS = (0, 2, 3)


def made(root: Path) -> tuple[Project, Plan]:
    project = Project(root)
    project.pipeline("loops", SOURCE + TIMES, STEPS, parameters=PARAMETERS)
    project.write("loops/market.json", json.dumps(MARKET))
    project.write("loops/deep.json", json.dumps(DEEP))
    (pipeline,) = project.resolve("loops")
    return project, pipeline.plans["training"]


def expected(count: int) -> dict[str, Any]:
    """Return what each step of a run makes: of one that runs once per key, in their order."""
    markets = ["de", "fr", "it"][:count]
    grid = ["a", "aa", "b", "bb"]  # by the lists' names: market, times
    pairs = [f"{market}{size}" for market in markets for size in (3, 4)]
    twice = [market * 2 for market in markets]
    big = count > 2
    return {
        "pair": pairs,
        "pairs": ",".join(pairs),
        "each.rows": twice,
        "each.add": [f"{text}!" for text in twice],
        "each.deep.last": [f"{text}!?" for text in twice],
        "grid.rows": grid,
        "grid.add": [f"{text}!" for text in grid],
        "grid.deep.last": [f"{text}!?" for text in grid],
        "maybe.rows": twice if big else None,
        "maybe.add": [f"{text}!" for text in twice] if big else None,
        "maybe.deep.last": [f"{text}!?" for text in twice] if big else None,
        "all": ",".join([*(f"{text}!?" for text in twice), *grid]),
        "rest": ",".join(f"{text}!?" for text in [*grid, *(twice if big else [])]),
    }


def found(store: Store, plan: Plan, run_id: str) -> dict[str, Any]:
    """Return what each step of a run has made, by its records."""
    run = store.run(plan.name, run_id)
    texts: dict[str, Any] = {}
    for step in [step for step in plan.steps if "text" in step.outputs]:
        whole = recorded(store, run, step.name)
        indexes: Any = store.indexes(run, step.name) if step.foreach else [None]
        values = [
            store.read(store.manifest(plan.name, run_id, step.name, "text", index=index))
            for index in (() if whole is not None and whole.is_skipped else indexes)
        ]
        is_skipped = whole is not None and whole.is_skipped
        texts[step.name] = None if is_skipped else values if step.foreach else values[0]
    return texts


def prepared(folder: Path, project: Project, plan: Plan) -> Store:
    folder.mkdir()
    store = open_store(folder.as_uri())
    store.add_plan(plan)
    add_code(store, project.root / "loops", plan.code)
    return store


@pytest.mark.parametrize("count", COUNTS)
def test_a_run_on_this_machine(count, tmp_path):
    project, plan = made(tmp_path / "project")
    settings = RunSettings(parameters={"count": count})
    ran = project.run("loops", settings)
    assert ran.result.ok, ran.errors()
    assert found(project.store, plan, ran.result.runs[0].run.id) == expected(count)
    again = project.run("loops", settings)
    outcomes = again.result.runs[0].outcomes.values()
    assert all(one.cached or one.is_skipped for one in outcomes), "the second is taken whole"
    assert found(project.store, plan, again.result.runs[0].run.id) == expected(count)


@pytest.mark.parametrize("count", COUNTS)
def test_kubeflows_loops_are_what_a_run_here_does(count, tmp_path, monkeypatch):
    project, plan = made(tmp_path / "project")
    store = prepared(tmp_path / "store", project, plan)
    monkeypatch.setenv("ATLAS_STORE", store.url)
    (content,) = (
        KubeflowCompiler(exit_handler=True).compile(plan, {"": "image@sha256:" + "0" * 64}).values()
    )
    execution = Execution(Package.parse(content), tmp_path / "outputs")
    assert execution.run({"atlas_run": "one", "count": count})
    assert found(store, plan, "training-one") == expected(count)
    assert store.run_outcome(plan.name, "training-one")["status"] == "done"
    keys = [name for name in execution.began if name.endswith(".keys")]
    looped = {"each.keys", "grid.keys", "pair.keys"}
    of_each = {f"maybe.{name}.keys" for name in ("rows", "add", "deep.last")}
    assert {*keys} == (looped | of_each if count > 2 else looped), "one count for each Recipe"
    assert len(keys) == len({*keys})
    own = [name for name in execution.began if name.startswith("grid.") and name != "grid.keys"]
    assert own == ["grid.rows", "grid.add", "grid.deep.last"] * 4, "key by key, each as a whole"


@pytest.mark.long
@pytest.mark.parametrize("count", COUNTS)
def test_airflows_mapped_tasks_are_what_a_run_here_does(count, tmp_path):
    project, plan = made(tmp_path / "project")
    store = prepared(tmp_path / "store", project, plan)
    ((name, content),) = AirflowCompiler().compile(plan, {}).items()
    file = tmp_path / "dags" / name
    file.parent.mkdir()
    file.write_bytes(content)
    worker = {"ATLAS_STORE": store.url, "ATLAS_PYTHON": sys.executable}
    told = ways.with_airflow(file, tmp_path / "home", {"count": count}, worker)
    assert told["state"] == "success"
    assert found(store, plan, f"training-{told['run']}") == expected(count)


def test_too_many_combinations_are_told_by_their_lists(tmp_path):
    project, _ = made(tmp_path / "project")
    source = (project.root / "loops/steps.py").read_text()
    project.write("loops/steps.py", source.replace("[1, 2]", "list(range(501))"))
    ran = project.run("loops", RunSettings(parameters={"count": 0}))
    error = "foreach: found 1002 combinations, 2 of market x 501 of times; expected at most 1000"
    assert ran.errors()["grid.rows"] == error
