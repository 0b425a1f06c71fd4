"""Nothing twice: many runs at once, a real MLflow, and a network between that loses and repeats."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from atlas.tracking.mlflow import MlflowTracker
from tests.flaky import ALL, LOST, Flaky, flaky
from tests.projects import ATLAS, Project, environment, project

__all__ = ["project"]

SOURCE = """
class Model(NamedTuple):
    model: dict[str, float]

class Train(Template):
    value: int = 1
    def run(self) -> Model:
        self.context.metric("quality", self.value)
        return Model({"value": self.value})
"""
TRAIN = {"train": {"class": "steps:Train", "params": {"value": {"parameter": "value"}}}}
PARAMETERS = {"value": {"type": "integer", "default": 1}}
SYNCS, JOBS, CALM_SECONDS = 12, 8, 120


class Told(list[subprocess.CompletedProcess[str]]):
    """What commands have printed; none of them a traceback."""

    def add(self, done: subprocess.CompletedProcess[str], *codes: int) -> None:
        text = done.stdout + done.stderr
        assert "Traceback" not in text, text
        assert done.returncode in (codes or (0,)), text
        self.append(done)


def command(project: Project, url: str, *arguments: str, **more: str) -> Any:
    return subprocess.run(
        [*ATLAS, *arguments], cwd=project.root, text=True, capture_output=True, timeout=300,
        env=environment(ATLAS_MLFLOW_URL=url, **more),
    )  # fmt: skip


def runs_of(server: MlflowTracker, experiment: str) -> list[dict[str, Any]]:
    found = server.call("GET", "experiments/get-by-name", {"experiment_name": experiment})
    assert found
    payload = {"experiment_ids": [found["experiment"]["experiment_id"]], "max_results": 1000}
    return (server.call("POST", "runs/search", payload) or {}).get("runs", [])


def tag(raw: dict[str, Any], name: str) -> str:
    tags = raw["data"]["tags"] if "data" in raw else raw["tags"]
    return next(one["value"] for one in tags if one["key"] == name)


def at_once(jobs: int, works: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda work: work(), works))


def waiting(project: Project) -> list[Path]:
    return list((project.state / "outbox").glob("*.json"))


def bring_the_rest(project: Project, proxy: Flaky, told: Told) -> None:
    """Send what faults have kept from MLflow, now that there are none: whatever they left goes away.

    By chance, any number of tries may meet a fault. What took too long rests for a while.
    """
    end = time.monotonic() + CALM_SECONDS
    while waiting(project):
        said = "\n".join(done.stdout + done.stderr for done in told[-4:])
        assert time.monotonic() < end, f"{waiting(project)} still waits; last said:\n{said}"
        told.add(command(project, proxy.url, "runs", "--sync"))


def train(project: Project, server: str, proxy: Flaky, name: str, count: int, **more: str) -> None:
    """Have many trainings at once and bring all that waits to MLflow; each of them is there once."""
    model = {"model": {"name": f"{name}-model", "from": {"part": "train.model"}}}
    project.pipeline(name, SOURCE, TRAIN, config=model, parameters=PARAMETERS)
    told = Told()
    works = [
        lambda n=n: command(project, proxy.url, "run", name, "--set", f"value={n}", **more)
        for n in range(count)
    ]
    for done in at_once(JOBS, works):
        told.add(done)
    for _ in range(SYNCS):
        if not waiting(project):
            break
        syncs = [lambda: command(project, proxy.url, "runs", "--sync", **more)] * 3
        for done in at_once(3, syncs):
            told.add(done, 0, 1)
    with proxy.calm():
        bring_the_rest(project, proxy, told)
    there = MlflowTracker(server)
    runs = runs_of(there, name)
    assert Counter(tag(one, "atlas.run") for one in runs) == dict.fromkeys(
        project.store.runs(name), 1
    )
    assert len(runs) == count
    assert {one["info"]["status"] for one in runs} == {"FINISHED"}
    assert {len(one["data"]["metrics"]) for one in runs} == {2}
    versions = list(there.model_versions(f"name='{name}-model'"))
    assert Counter(tag(one, "atlas.run") for one in versions) == {
        tag(one, "atlas.run"): 1 for one in runs
    }
    champion = there.find(f"{name}-model", "champion")
    assert champion is not None
    assert sum(proxy.met.values()) > count


@pytest.mark.parametrize("count", [16, pytest.param(50, marks=pytest.mark.long)])
def test_runs_at_once_with_an_mlflow_that_fails_one_request_in_five(project, mlflow_server, count):
    with flaky(mlflow_server, rate=0.2, faults=LOST, seed=7) as proxy:
        train(project, mlflow_server, proxy, "fifth", count)
    assert {*proxy.met} == {*LOST}


def test_one_outbox_that_many_send_at_once(project, mlflow_server):
    model = {"model": {"name": "shared-model", "from": {"part": "train.model"}}}
    project.pipeline("shared", SOURCE, TRAIN, config=model, parameters=PARAMETERS)
    told = Told()
    for n in range(3):
        told.add(command(project, "http://127.0.0.1:9", "run", "shared", "--set", f"value={n}"))
    for done in at_once(4, [lambda: command(project, mlflow_server, "runs", "--sync")] * 4):
        told.add(done)
    assert not waiting(project), told
    assert len(runs_of(MlflowTracker(mlflow_server), "shared")) == 3
    assert len(list(MlflowTracker(mlflow_server).model_versions("name='shared-model'"))) == 3


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (2, 3, 4))])
def test_runs_at_once_over_the_worst_network(project, mlflow_server, seed):
    more = {"ATLAS_HTTP_TIMEOUT": "2"}
    with flaky(mlflow_server, rate=0.15, faults=ALL, seed=seed, late=2.5) as proxy:
        train(project, mlflow_server, proxy, f"worst{seed}", 8, **more)
