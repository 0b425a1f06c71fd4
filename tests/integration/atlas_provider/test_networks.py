"""Deployments over a network that drops, delays, repeats and garbles: exactly one of everything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import AtlasError
from atlas.http import connection, once, service
from atlas.http.service import Patience
from atlas.plan import Plan, PlanStep
from atlas.store import Run, open_store
from atlas.targets.airflow import api as airflow_api
from atlas.targets.airflow import dag_removal, rollout
from atlas.targets.kubeflow.launcher import KubeflowLauncher
from atlas.targets.kubeflow.server import Api, api, runs, schedules
from tests.flaky import ALL, flaky
from tests.integration import fake_kubeflow
from tests.integration.atlas_provider.rigs import CONTEXT, Dags, Models, Versions, rigs_in

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
    monkeypatch.setattr(dag_removal, "_POLL_SECONDS", 0.005)
    monkeypatch.setattr(dag_removal, "_READ_SECONDS", 0.1)
    monkeypatch.setenv(service.TIMEOUT, "0.5")
    # What a request that took too long makes comes late, and on a busy machine later than that.
    for owner in (runs, schedules):
        monkeypatch.setattr(owner, "timeout", lambda: 30.0)
    yield
    connection.close_idle()


@pytest.fixture
def rigs(tmp_path: Path):
    yield from rigs_in(tmp_path)


def insist(work):
    """Repeat an operation until it is through; whatever hinders it is an error of Atlas's."""
    for _ in range(TRIES):
        try:
            return work()
        except AtlasError as error:
            last = error
    raise AssertionError(f"it never came through: {last}")


@pytest.mark.parametrize("make", ADDRESSES, ids=lambda one: one.__name__)
def test_an_update_is_made_once(rigs, make):
    met = [updated(rigs(make), seed) for seed in range(8)]
    assert len({fault for faults in met for fault in faults}) > 2


def updated(rig: Any, seed: int) -> set[str]:
    """Deploy, and deploy something else; return which faults were met."""
    kind, address = rig.kind, ADDRESSES[type(rig)]
    with flaky(rig.url, rate=0.15, faults=ALL, seed=seed, late=0.6) as proxy:
        old, new = ({**rig.inputs(**members), address: proxy.url} for members in (OLD, NEW))
        _, outputs = insist(lambda: kind.create(old, CONTEXT))
        insist(lambda: kind.update("it", {**old, **outputs}, new, CONTEXT))
    there = rig.there()
    assert {name: there.get(name) for name in NEW} == NEW
    return {*proxy.met}


ENDPOINTS = {
    "GET healthz", "GET pipelines", "POST pipelines", "DELETE pipelines/*",
    "GET pipelines/*/versions", "POST pipelines/upload_version", "DELETE pipelines/*/versions/*",
    "GET experiments", "POST experiments", "GET runs", "POST runs", "GET runs/*",
    "POST runs/*:terminate", "POST runs/*:archive", "GET recurringruns", "POST recurringruns",
    "DELETE recurringruns/*",
}  # fmt: skip
PLAN = Plan("p", "p", "p", "training", "r", "e", "kubeflow", (PlanStep("load", "s:L"),))
RUN = Run("training-1", "p", "training", PLAN.digest)
IMAGE = f"registry/it@sha256:{'1' * 64}"


@pytest.mark.parametrize("fault", ALL)
def test_every_endpoint_of_kubeflow_with_every_fault(rigs, tmp_path, fault):
    """Runs are started and ended, while a deployment is made, changed and destroyed."""
    pytest.importorskip("kfp")
    rig, fake = rigs(Versions), fake_kubeflow.FakeKubeflow()
    server, url = fake_kubeflow.serve(fake)
    seen: set[str] = set()
    try:
        with (
            flaky(rig.url, each=fault, late=0.6) as deployed,
            flaky(url, each=fault, late=0.6) as started,
            ThreadPoolExecutor(6) as pool,
        ):
            works = [pool.submit(deploy_and_destroy, rig, deployed.url)]
            one = KubeflowLauncher(Api(started.url), open_store(tmp_path.as_uri()), images)
            names = [f"training-{number}" for number in (1, 1, 1, 2, 3)]
            works += [pool.submit(start_and_end, one, name, fake) for name in names]
            for work in works:
                work.result()
            seen = {*deployed.seen, *started.seen}
    finally:
        server.shutdown()
        server.server_close()
    assert seen == ENDPOINTS
    runs_there = [(one["display_name"], one["state"]) for one in fake.items["runs"].values()]
    alive = sorted(name for name, state in runs_there if state == "PENDING")
    assert alive == ["training-1", "training-2"]
    assert {name for name, _ in runs_there} == {"training-1", "training-2", "training-3"}
    kinds = ("pipelines", "versions", "experiments")
    assert [len(fake.items[kind]) for kind in kinds] == [1, 1, 1]
    assert [len(rig.fake.items[kind]) for kind in (*kinds[:2], "recurringruns")] == [0, 0, 0]


def images(_: Plan) -> dict[str, str]:
    return {"": IMAGE}


def deploy_and_destroy(rig: Versions, url: str) -> None:
    kind = rig.kind
    old, new = ({**rig.inputs(**members), "kubeflow": url} for members in (OLD, NEW))
    insist(lambda: Api(url).check())
    _, outputs = insist(lambda: kind.create(old, CONTEXT))
    outputs = insist(lambda: kind.update("it", {**old, **outputs}, new, CONTEXT))
    there = rig.there()
    assert {name: there.get(name) for name in NEW} == NEW
    assert insist(lambda: kind.read("it", {**new, **outputs}, CONTEXT)).inputs == new
    insist(lambda: kind.delete("it", {**new, **outputs}, CONTEXT))
    insist(lambda: kind.delete("it", {**new, **outputs}, CONTEXT))


def start_and_end(launcher: KubeflowLauncher, name: str, fake: fake_kubeflow.FakeKubeflow) -> None:
    launched = insist(lambda: launcher.submit(PLAN, replace(RUN, id=name)))
    assert not insist(lambda: launcher.status(launched)).is_over
    if name == "training-3":
        insist(lambda: launcher.cancel(launched))
        insist(lambda: runs.archive(launcher.api, launched.id))
        assert fake.items["runs"][launched.id]["storage_state"] == "ARCHIVED"
