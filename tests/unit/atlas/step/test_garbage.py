"""Collecting: what nothing refers to goes, and nothing else."""

from __future__ import annotations

import json
import os
import time

import pytest

from atlas.errors import StoreError
from atlas.monitor.batches import batch_profile, batches
from atlas.monitor.references import load_reference
from atlas.runner import RunSettings
from atlas.step import results
from atlas.step.garbage import collect, find_garbage
from atlas.tracking.registry import LocalRegistry
from tests import profiled

SOURCE = """
class Number(NamedTuple):
    number: int

class Make(Template):
    start: int = 1
    def run(self) -> Number:
        return Number(self.start)

class Double(Template):
    def run(self, number: int) -> Number:
        return Number(2 * number)
"""
STEPS = {
    "make": {"class": "steps:Make", "params": {"start": {"parameter": "start"}}},
    "double": {"class": "steps:Double", "inputs": {"number": "make.number"}},
}
USE = {"use": {"class": "steps:Double", "inputs": {"number": "model.part"}}}
PARAMETERS = {"start": {"type": "integer", "default": 1}}


@pytest.fixture
def quiet(project, monkeypatch):
    """A project without an outbox, whose files are all of yesterday's yesterday."""
    monkeypatch.setattr("atlas.step.finish.state_outbox", lambda: None)
    monkeypatch.setattr("atlas.runner.opening.state_outbox", lambda: None)
    return project


def age(project, days: float = 3.0) -> None:
    old = time.time() - days * 86_400
    for top, _, names in os.walk(project.state):
        for name in names:
            os.utime(os.path.join(top, name), (old, old))


def clean(project, **options):
    garbage = find_garbage(project.store, **{"keep": 0, "older": 0.0, **options})
    collect(project.store, garbage)
    return {one.run for one in garbage.runs}


def runs(project) -> set[str]:
    return set(project.store.runs("p"))


def test_old_runs_go_and_the_last_one_stays(quiet):
    quiet.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS)
    old = [quiet.run(settings=RunSettings(parameters={"start": n})).id for n in range(3)]
    last = quiet.run(settings=RunSettings(parameters={"start": 9}))
    age(quiet)
    assert find_garbage(quiet.store, keep=0, older=3600.0).runs == ()
    assert find_garbage(quiet.store, keep=4, older=0.0).runs == ()
    assert clean(quiet) == set(old)
    assert runs(quiet) == {last.id}
    assert last.value("double", "number") == 18
    assert not quiet.store.location.exists(f"p/{old[0]}")
    assert results.look(quiet.store).results == 2


def test_data_that_a_run_took_from_another_stays(quiet):
    quiet.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS)
    first = quiet.run()
    last = quiet.run()
    assert last.cached() == set(STEPS)
    age(quiet)
    assert clean(quiet) == {first.id}
    assert last.value("double", "number") == 2
    assert quiet.run().cached() == set(STEPS)
    assert not quiet.store.location.exists(f"p/{first.id}/run.json")
    other = quiet.run(settings=RunSettings(parameters={"start": 5}, use_cache=False))
    age(quiet)
    clean(quiet)
    assert runs(quiet) == {other.id}
    assert not quiet.store.location.exists(f"p/{first.id}/make/number/data.json")


def test_what_a_model_is_made_of_stays(quiet):
    config = {"model": {"name": "m", "from": {"part": "make.number"}}}
    quiet.pipeline("p", SOURCE, STEPS, config=config, parameters=PARAMETERS)
    first = quiet.run()
    quiet.run(settings=RunSettings(parameters={"start": 2}))
    quiet.run(settings=RunSettings(parameters={"start": 3}))
    age(quiet)
    assert clean(quiet) == set()
    assert first.value("make", "number") == 1


def test_what_a_run_has_read_stays_with_it(quiet):
    quiet.pipeline("base", SOURCE, {"make": {"class": "steps:Make"}})
    steps = {"use": {"class": "steps:Double", "inputs": {"number": "pipeline:base/make.number"}}}
    quiet.pipeline("p", SOURCE, steps)
    base = quiet.run("base").id
    above = quiet.run("p").id
    quiet.run("base", settings=RunSettings(use_cache=False))
    age(quiet)
    assert clean(quiet) == set()
    assert set(quiet.store.runs("base")) >= {base}
    assert above in runs(quiet)


def test_what_waits_in_the_outbox_stays(project):
    project.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS)
    project.run()
    project.run()
    age(project)
    os.environ["ATLAS_STATE"] = str(project.state)
    assert clean(project) == set()


def test_plans_and_code(quiet):
    quiet.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS)
    old = quiet.plan()
    quiet.run()
    deployed = quiet.plan()
    quiet.pipeline("p", SOURCE + "# a\n", STEPS, parameters=PARAMETERS)
    middle = quiet.plan()
    quiet.run()
    quiet.pipeline("p", SOURCE + "# b\n", STEPS, parameters=PARAMETERS)
    last = quiet.plan()
    quiet.run(settings=RunSettings(use_cache=False))
    text = json.dumps({"dag": f"tag plan:{deployed.digest}"}).encode()
    quiet.store.location.write("deployments/content/x", text)
    age(quiet)
    clean(quiet)
    place = quiet.store.location
    assert set(place.names("plans")) == {f"{old.digest}.json", f"{last.digest}.json"}
    assert set(place.names("code")) == {old.code, last.code}
    assert middle.code not in place.names("code")


def test_nothing_fresh_goes(quiet):
    quiet.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS)
    quiet.run()
    quiet.store.location.write("plans/" + "0" * 64 + ".json", b"{}")
    quiet.store.location.write("p/unbound/step/out/data.json", b"1")
    garbage = find_garbage(quiet.store, keep=0, older=0.0)
    assert garbage.keys == ()
    age(quiet)
    assert len(find_garbage(quiet.store, keep=0, older=0.0).keys) == 2


def test_an_interrupted_collection_is_completed(quiet):
    quiet.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS)
    first = quiet.run()
    quiet.run(settings=RunSettings(parameters={"start": 2}))
    age(quiet)
    garbage = find_garbage(quiet.store, keep=0, older=0.0)
    for key in garbage.keys[:5]:
        quiet.store.location.remove(key)
    clean(quiet)
    assert not list(quiet.store.location.entries(f"p/{first.id}"))


def test_pruning_the_cache(quiet):
    quiet.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS)
    ran = quiet.run()
    found = results.look(quiet.store)
    assert (found.results, found.size, found.pipelines) == (2, 2, {"p": 2})
    assert results.prune(quiet.store, older=3600) == 0
    assert results.prune(quiet.store, pipeline="q") == 0
    assert results.prune(quiet.store, pipeline="p") == 2
    assert ran.value("double", "number") == 2
    assert quiet.run().cached() == set()


def profiles(project) -> dict[str, int]:
    folders = ("references", "counts", "batches/shop", "refused/shop")
    return {name: len([*project.store.location.entries(f"profiles/{name}")]) for name in folders}


def test_references_of_registered_versions_stay_with_their_batches(quiet):
    profiled.write(quiet)
    profiled.train(quiet)
    days = [f"2026-02-{day:02}" for day in range(1, 19)]
    for number, day in enumerate(days):
        profiled.score(quiet, day, profiled.customers(40, number, day, 1))
    whole = {"references": 1, "counts": 2 + 2 * 18, "batches/shop": 18, "refused/shop": 0}
    assert profiles(quiet) == whole
    clean(quiet)
    assert profiles(quiet) == whole  # All of it was written today.
    age(quiet)
    clean(quiet)
    # Of the first batches, runs and counts are gone; their records are still there.
    assert profiles(quiet) == {**whole, "counts": 2 + 2 * 16}
    known = load_reference(
        quiet.store, LocalRegistry(quiet.store).find("shop", "champion").reference
    )
    records = batches(quiet.store, "shop")
    assert batch_profile(quiet.store, records[2], "features", known)
    with pytest.raises(StoreError, match="isn't there"):
        batch_profile(quiet.store, records[1], "features", known)


def test_a_reference_of_no_version_goes_with_all_that_was_counted_beside_it(quiet):
    profiled.write(quiet, quality={"on_breach": "fail"})
    profiled.train(quiet)
    profiled.score(quiet, "2026-02-01", profiled.customers(40, 2, "2026-02-01", 1))
    profiled.score(quiet, "2026-02-02", profiled.customers(40, 3).assign(age=-1e9))
    assert profiles(quiet)["refused/shop"] == 1
    quiet.store.location.remove("models/shop")
    age(quiet)
    clean(quiet)
    assert min(profiles(quiet).values()) == 1  # The runs are still there.
    for name in quiet.store.location.names("shop"):
        quiet.store.location.remove(f"shop/{name}")
    age(quiet)
    clean(quiet)
    assert set(profiles(quiet).values()) == {0}
