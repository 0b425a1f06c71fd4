"""The log of champions and its lease, wherever a store may be: a folder, and S3 over its API."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from atlas.models.champions import Champions, Ruling
from atlas.models.lease import leased
from atlas.models.log import KEPT, LogEntry
from atlas.models.promotion import Candidate, promote
from atlas.models.testsets import use
from atlas.plan import Plan
from atlas.plan.parts import PlanStep
from atlas.runs.annotations import annotate
from atlas.runs.best import best_trained
from atlas.runs.history import history
from atlas.step.finish import amend, finish
from atlas.step.finished import Finished
from atlas.store import Run, Store, open_store
from atlas.store.keys import index_key
from atlas.tracking.registry import LocalRegistry, ModelRegistration
from atlas.values import canonical
from tests.servers import s3

__all__ = ["s3"]

CREATED = "2026-01-01T00:00:00+00:00"

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture(params=["file", "s3"])
def any_store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Store:
    if request.param == "file":
        return open_store((tmp_path / "store").as_uri())
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    import boto3

    bucket = f"c{abs(hash(str(tmp_path)))}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return open_store(f"s3://{bucket}/atlas")


def at_once(count: int, call) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            call(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_many_append_at_once_and_the_chain_is_whole(any_store):
    champions = Champions(any_store, LocalRegistry(any_store), "m")
    at_once(8, lambda number: champions.log.append(LogEntry(KEPT, "", str(number))))
    entries = list(champions.log.entries())
    assert [entry.number for entry in entries] == list(range(1, 9))
    assert sorted(entry.version for entry in entries) == sorted(map(str, range(8)))
    assert champions.log.faults({}) == []
    any_store.location.remove(f"{champions.folder}/log/{3:09}.json")
    (gone, *_) = champions.log.faults({})
    assert gone.endswith("000000003.json: the entry is gone")


def test_one_at_a_time_holds_the_lease(any_store):
    inside: list[int] = []
    most: list[int] = []

    def hold(number: int) -> None:
        with leased(any_store.location, "champions/store/m/lease", wait=120.0):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    at_once(6, hold)
    assert most == [1] * 6


def test_promotions_at_once_are_all_in_the_log(any_store):
    champions = Champions(any_store, LocalRegistry(any_store), "m")
    versions = [champions.registry.register(ModelRegistration("m", str(n), {})) for n in range(4)]

    def run(number: int) -> None:
        candidate = Candidate(champions, versions[number], lambda _: Ruling(True, "it passes"))
        assert promote([candidate], wait=120.0)[0].promoted

    at_once(4, run)
    assert champions.faults() == []
    last = champions.log.last()
    assert last is not None
    assert champions.current().version == last.champion


def test_uses_of_a_test_set_at_once_have_numbers_of_their_own(any_store):
    numbers: list[int] = []

    def spend(number: int) -> None:
        numbers.append(use(any_store, "t" * 64, f"{number}" * 64, 0.95, model="m").number)

    at_once(4, spend)
    assert sorted(numbers) == [1, 2, 3, 4]


def test_an_index_of_runs_in_any_store_follows_what_changes(any_store, tmp_path):
    plan = Plan(
        "p", "p", "p", "training", "p", "local", "local", (PlanStep("fit", "s:F"),),
        promotion={"metric": "fit.loss", "direction": "lower"},
    )  # fmt: skip
    any_store.add_plan(plan)
    runs = [Run(f"training-{n}", "p", "training", plan.digest, created=CREATED) for n in range(4)]
    for number, run in enumerate(runs):
        any_store.bind(run)
        outcome = {"status": "done", "plan": plan.digest, "metrics": {"loss": 9.0 - number}}
        any_store.write_outcome("p", run.id, "fit", outcome, None)
    for run in runs[:3]:
        end = {"status": "done", "plan": plan.digest, "ended": CREATED}
        any_store.location.write(f"p/{run.id}/outcome.json", canonical(end).encode())
    assert best_trained(any_store, plan) == "training-2"
    annotate(any_store, "p", "training-1", {"kept": "yes"}, "")
    amend(any_store, runs[0], Finished("done", model="m", version="7"))
    finish(any_store, plan, runs[3])
    assert best_trained(any_store, plan) == "training-3"
    by_name = {run.run: run for run in history(any_store, {"p"}).runs}
    assert by_name["training-1"].tags == {"kept": "yes"}
    assert by_name["training-0"].registered == "m/7"
    # In a folder, runs that ended just now are read again in any case.
    assert any_store.location.exists(index_key("p")) == any_store.url.startswith("s3:")
