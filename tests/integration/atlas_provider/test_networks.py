"""Deployments over a network that drops, delays, repeats and garbles: exactly one of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.errors import AtlasError
from atlas.http import connection, once, service
from atlas.http.service import Patience
from atlas.targets.airflow import api as airflow_api
from atlas.targets.airflow import resource as airflow_dags
from atlas.targets.airflow import rollout
from atlas.targets.kubeflow.server import Api, api, runs
from atlas.targets.kubeflow.server.publishing import publish
from tests.flaky import ALL, flaky
from tests.integration import fake_kubeflow
from tests.integration.atlas_provider.worlds import CONTEXT, Dags, Models, Versions, worlds_in

OLD, NEW = {"a": "11", "gone": "99"}, {"a": "12", "b": "22"}
ADDRESSES = {Dags: "airflow", Models: "mlflow", Versions: "kubeflow"}
TRIES = 60


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    brief = Patience(0.0, 0.05, 0.05, 0.05)
    for owner in (airflow_api, api):
        monkeypatch.setattr(owner, "_PATIENCE", brief)
    monkeypatch.setattr(service, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(once, "_PAUSES", (0.001, 0.001))
    monkeypatch.setattr(rollout, "_POLL_SECONDS", 0.005)
    monkeypatch.setattr(airflow_dags, "_POLL_SECONDS", 0.005)
    monkeypatch.setattr(airflow_dags, "_READ_SECONDS", 0.1)
    monkeypatch.setenv(service.TIMEOUT, "0.5")
    yield
    connection.close_idle()


@pytest.fixture
def worlds(tmp_path: Path):
    yield from worlds_in(tmp_path)


def insist(work):
    """Repeat an operation until it is through; whatever hinders it is an error of Atlas's."""
    for _ in range(TRIES):
        try:
            return work()
        except AtlasError as error:
            last = error
    raise AssertionError(f"it never came through: {last}")


@pytest.mark.parametrize("make", ADDRESSES, ids=lambda one: one.__name__)
def test_an_update_is_made_once(worlds, make):
    met = [updated(worlds(make), seed) for seed in range(8)]
    assert len({fault for faults in met for fault in faults}) > 2


def updated(world: Any, seed: int) -> set[str]:
    """Deploy, and deploy something else; return which faults were met."""
    kind, address = world.kind, ADDRESSES[type(world)]
    with flaky(world.url, rate=0.15, faults=ALL, seed=seed, late=0.6) as proxy:
        old, new = ({**world.inputs(**members), address: proxy.url} for members in (OLD, NEW))
        _, outputs = insist(lambda: kind.create(old, CONTEXT))
        insist(lambda: kind.update("it", {**old, **outputs}, new, CONTEXT))
    there = world.there()
    assert {name: there.get(name) for name in NEW} == NEW
    return {*proxy.met}


@pytest.mark.parametrize("seed", range(6))
def test_a_run_in_kubeflow_is_started_once(seed):
    fake = fake_kubeflow.FakeKubeflow()
    server, url = fake_kubeflow.serve(fake)
    faults = [one for one in ALL if one not in ("double", "late")]
    try:
        with flaky(url, rate=0.3, faults=faults, seed=seed) as proxy:
            speaker = Api(proxy.url)
            package = ("a" * 64, b"x: 1")
            version = insist(
                lambda: publish(speaker, "file:///s", {"a": package}, {"a": "b" * 64})
            )["a"]
            experiment = insist(lambda: runs.experiment(speaker, "a", "it"))
            for number in range(5):
                found = []

                def start(name=f"run-{number}", found=found):
                    found += runs.runs_named(speaker, experiment, name)
                    return found[0] if found else runs.start(speaker, version, experiment, name, {})

                insist(start)
        names = [one["display_name"] for one in fake.items["runs"].values()]
        assert sorted(names) == [f"run-{n}" for n in range(5)]
        assert len(fake.items["versions"]) == len(fake.items["pipelines"]) == 1
    finally:
        server.shutdown()
        server.server_close()
