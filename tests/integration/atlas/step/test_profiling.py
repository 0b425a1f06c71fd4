"""References and batches are the same bytes however steps are run, and a breach stops each way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from atlas.monitor.batches import batches, refused_batches
from atlas.store import add_code
from atlas.tracking.registry import CHAMPION, LocalRegistry
from tests import profiled
from tests.profiled import customers
from tests.projects import Project, environment

DAY, END, RUN = "2026-01-31", "2026-02-01", "r1"


def batch(project: Project, rows=None) -> None:
    profiled.give(project, customers(200, 5, DAY, 1) if rows is None else rows)


def in_threads(project: Project, flow: str) -> int:
    settings = {"use_cache": False}
    ran = (
        profiled.train(project) if flow == "training" else profiled.score(project, DAY, **settings)
    )
    return int(not ran.ok)


def in_processes(project: Project, flow: str) -> int:
    if flow == "training":
        profiled.train(project, isolate="process")
        return 0
    return int(not profiled.score(project, DAY, isolate="process").ok)


def by_airflow(project: Project, flow: str) -> int:
    """Run each step as a task of Airflow does in a process: what it needs is in variables."""
    request = {"run": RUN, "interval_start": DAY, "interval_end": END, "trigger": "schedule"}
    return _steps(project, flow, lambda _: {"ATLAS_REQUEST": json.dumps(request)})


def by_kubeflow(project: Project, flow: str) -> int:
    """Run each step as Kubeflow's launcher does: what it needs is in the executor input."""

    def given(folder: Path) -> dict[str, str]:
        values = {"run.id": RUN, "run.interval_start": DAY, "run.interval_end": END}
        outputs = {"outputFile": str(folder / "output.json")}
        raw = {"inputs": {"parameterValues": values}, "outputs": outputs}
        return {"ATLAS_EXECUTOR_INPUT": json.dumps(raw)}

    return _steps(project, flow, given)


def _steps(project: Project, flow: str, given: Callable[[Path], dict[str, str]]) -> int:
    (pipeline,) = project.resolve()
    plan, store = pipeline.plans[flow], project.store
    store.add_plan(plan)
    add_code(store, pipeline.folder, plan.code)
    for step in plan.steps:
        command = [sys.executable, "-m", "atlas.step", "--plan", plan.digest, "--step", step.name]
        own = {**given(project.root), "ATLAS_STORE": store.url, "ATLAS_PROJECT": str(project.root)}
        done = subprocess.run(
            command, env=environment(**own), text=True, capture_output=True, timeout=200
        )
        if done.returncode:
            assert "the batch breaks what the training data promise" in done.stderr, done.stderr
            return done.returncode
    return 0


WAYS = (in_threads, in_processes, by_airflow, by_kubeflow)


def made(way, folder: Path) -> tuple[str, dict[str, str], int]:
    """Train and score in one way, and return what was learnt and what was counted."""
    project = Project(folder)
    profiled.write(project)
    assert way(project, "training") == 0
    version = LocalRegistry(project.store).find("shop", CHAMPION)
    assert version is not None
    batch(project)
    assert way(project, "inference") == 0
    (record,) = batches(project.store, "shop")
    return version.reference, dict(record.profiles), record.rows


def test_every_way_gives_the_same_bytes(project: Project, tmp_path: Path) -> None:
    found = {way.__name__: made(way, tmp_path / way.__name__) for way in WAYS}
    first = found["in_threads"]
    assert len(first[1]) == 2
    assert found == dict.fromkeys(found, first)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_breach_stops_each_way(project: Project, way) -> None:
    profiled.write(project, quality={"on_breach": "fail"})
    assert way(project, "training") == 0
    batch(project, customers(200, 5, DAY, 1).assign(region="mars"))
    assert way(project, "inference") != 0
    (refused,) = refused_batches(project.store, "shop")
    assert [(b.check, b.column) for b in refused.breaches] == [("categories", "region")]
    assert batches(project.store, "shop") == []
    run = f"shop/{refused.run}"
    assert project.store.location.exists(f"{run}/load")
    assert not project.store.location.exists(f"{run}/load/rows")


PLAIN = """
class Number(NamedTuple):
    number: int

class Make(Template):
    def run(self) -> Number:
        return Number(1)
"""
PROGRAM = """
import sys
from atlas.plan import resolve
from atlas.runner import RunSettings, run_pipelines
result = run_pipelines(resolve(sys.argv[1]), RunSettings(isolate="none"))
assert result.ok
loaded = {name for name in sys.modules if name.startswith(("numpy", "pyarrow", "atlas.profiles"))}
loaded |= {name for name in sys.modules if name.startswith("atlas.monitor.")}
print(sorted(loaded))
"""


def test_a_run_without_statistics_imports_nothing_of_profiles(project: Project) -> None:
    project.pipeline("plain", PLAIN, {"make": {"class": "steps:Make"}})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(project.root / "plain")],
        env=environment(), text=True, capture_output=True, timeout=100, cwd=project.root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
