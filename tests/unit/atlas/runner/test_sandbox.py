"""A run in the sandbox keeps its outputs, and nothing follows from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas.runner import RunSettings
from atlas.runner.settings import THREADS
from atlas.step.promoting import promote_trained, trained_model
from atlas.step.versions import registry
from atlas.store.run import SANDBOX
from tests.projects import project
from tests.retrained import CONFIG, INFERENCE, PARAMETERS, SOURCE, TRAINING

__all__ = ["project"]
SETTINGS = RunSettings(isolate=THREADS, trigger=SANDBOX)


@pytest.fixture
def houses(project, monkeypatch):
    project.environment(targets={"training": "local"})
    project.pipeline("houses", SOURCE, TRAINING, INFERENCE, CONFIG, parameters=PARAMETERS)
    monkeypatch.setenv("ATLAS_STATE", str(project.state))
    return project


def train(houses, settings):
    ran = houses.run("houses", settings, flows=("training",))
    assert ran.ok, ran.errors()
    (one,) = ran.result.runs
    return one


def versions(houses):
    return [version.version for version in registry(houses.store).versions("houses")]


def test_nothing_is_registered_sent_or_taken_for_the_latest(houses):
    one = train(houses, SETTINGS)
    assert (one.finished.status, one.finished.version, one.finished.promotion) == ("done", "", None)
    assert versions(houses) == []
    assert not list(houses.state.glob("outbox/**/*.json"))
    assert not (houses.state / "store/houses/latest-training.json").exists()
    assert houses.store.get("houses", one.run.id, "train", "model") == {"quality": 0.5}
    assert houses.store.run_outcome("houses", one.run.id)["status"] == "done"


def test_a_run_of_its_own_takes_the_results_over_and_registers_them(houses):
    tried = train(houses, SETTINGS)
    real = train(houses, replace(SETTINGS, trigger="manual"))
    assert all(outcome.cached for outcome in real.outcomes.values())
    assert (real.run.id != tried.run.id, versions(houses)) == (True, [real.finished.version])


@pytest.mark.parametrize(("before", "after"), [(SANDBOX, "manual"), ("manual", SANDBOX)])
def test_a_run_that_is_resumed_otherwise_is_another_one(houses, before, after):
    first = train(houses, replace(SETTINGS, trigger=before))
    second = train(houses, replace(SETTINGS, trigger=after, resume=True))
    assert (second.run.trigger, second.run.id != first.run.id) == (after, True)


def test_one_that_is_resumed_stays_there(houses):
    first = train(houses, SETTINGS)
    again = train(houses, replace(SETTINGS, resume=True))
    assert (again.run.id, again.run.trigger, versions(houses)) == (first.run.id, SANDBOX, [])


def test_promote_takes_it_up_by_its_id(houses):
    one = train(houses, SETTINGS)
    store, plan = houses.store, houses.plan("houses")
    (result,) = promote_trained(
        store, registry(store), [trained_model(store, plan, run=one.run.id)]
    )
    assert result.promotion.promoted
    assert versions(houses) == [result.version]
