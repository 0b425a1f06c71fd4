"""An event's retraining, from its request to its end."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from atlas.errors import AtlasError, InvalidError, StoreError
from atlas.monitor.spec import MonitoredPipeline
from atlas.retraining import approve, retrain, retraining_of
from atlas.retraining.every import retrain_every
from atlas.retraining.records import EventRecords, StartedRetraining
from atlas.retraining.requests import release_requests
from atlas.runner import RunSettings
from atlas.runner.settings import THREADS
from atlas.step.versions import registry
from atlas.store.code import code_key
from atlas.tracking.registry import LocalRegistry
from tests.projects import project
from tests.retrained import (
    NOON,
    PARAMETERS,
    SOURCE,
    TRAINING,
    cause,
    champion,
    pipeline,
    place,
    status_of,
    training_runs,
)

__all__ = ["project"]
BETTER = {"all": {"quality": 0.9}}


def current(store) -> str:
    found = registry(store).find("houses", "champion")
    return found.version if found else ""


def test_a_better_model_is_promoted(project):
    store = champion(project)
    event = cause(store)
    there = retrain(place(store), pipeline(parameters=BETTER), event)
    assert (there.state, there.champion) == ("promoted", "local-1")
    assert current(store) == there.version == "local-2"
    run = store.run("houses", f"training-retraining-{event.id}")
    assert (run.trigger, run.parameters["quality"], run.hold) == ("retraining", 0.9, "")
    assert retraining_of(store, "houses", event.id) == there


def test_a_worse_model_is_rejected(project):
    store = champion(project)
    there = retrain(place(store), pipeline(parameters={"drift": {"quality": 0.1}}), cause(store))
    assert there.state == "rejected"
    assert there.version == "local-2"
    assert "quality" in there.why
    assert current(store) == "local-1"


STRICT = {"metric": "evaluate.quality", "direction": "higher", "at_least": 0.95}


def test_the_rule_of_todays_config_decides(project):
    store = champion(project)
    strict = pipeline(parameters=BETTER, promotion=STRICT)
    refused = retrain(place(store), strict, cause(store))
    assert refused.state == "rejected"
    assert "must be at least 0.95" in refused.why
    lenient = {**STRICT, "at_least": 0.1}
    lower = pipeline(parameters={"all": {"quality": 0.2}}, promotion=lenient)
    assert retrain(place(store), lower, cause(store, "2")).state == "promoted"


def test_a_rule_that_is_gone_from_the_config_decides_nothing(project):
    store = champion(project)
    gone = pipeline(parameters={"all": {"quality": 0.2}}, promotion={})
    there = retrain(place(store), gone, cause(store))
    assert (there.state, "no rule" in there.why) == ("promoted", True)


def test_the_rule_is_that_of_who_looked_first(project):
    store = champion(project)
    event = cause(store)
    held = pipeline(parameters=BETTER, promotion=STRICT, approval="training")
    assert retrain(place(store), held, event).state == "waiting"
    approve(store, "houses", event.id)
    assert retrain(place(store), pipeline(parameters=BETTER), event).state == "rejected"
    run = store.run("houses", f"training-retraining-{event.id}")
    assert run.promotion == STRICT
    assert store.plan(run.plan).promotion != STRICT


def test_a_rule_whose_step_the_champions_recipe_has_not_blocks(project):
    store = champion(project)
    rule = {"metric": "audit.quality", "direction": "higher"}
    there = retrain(place(store), pipeline(promotion=rule), cause(store))
    assert there.state == "blocked"
    assert "promotion asks for 'audit.quality'" in there.why
    assert not training_runs(store)


def test_an_approval_holds_the_version_to_the_same_rule(project):
    store = champion(project)
    event = cause(store)
    lenient = {**STRICT, "at_least": 0.1}
    rule = pipeline(parameters={"all": {"quality": 0.2}}, promotion=lenient, approval="promotion")
    assert retrain(place(store), rule, event).state == "registered"
    approve(store, "houses", event.id)
    assert retrain(place(store), rule, event).state == "promoted"


def test_the_very_same_model_is_no_new_version_and_was_trained_all_the_same(project, tmp_path):
    store = champion(project)
    ledger = tmp_path / "ledger"
    rule = pipeline(parameters={"all": {"ledger": str(ledger)}})
    there = retrain(place(store), rule, cause(store))
    again = retrain(place(store), rule, cause(store, "2"))
    assert [there.state, again.state] == ["rejected"] * 2
    assert "very same" in there.why
    assert ledger.read_text().split() == [there.run, again.run]


def test_the_same_event_again_starts_nothing(project, tmp_path):
    store = champion(project)
    ledger = tmp_path / "ledger"
    rule = pipeline(parameters={"all": {"ledger": str(ledger), "quality": 0.9}})
    event = cause(store)
    first = retrain(place(store), rule, event)
    assert retrain(place(store), rule, event) == first
    assert ledger.read_text().split() == [first.run]


def test_an_event_of_a_former_champion_is_superseded(project):
    store = champion(project)
    late = cause(store, "late")
    retrain(place(store), pipeline(parameters=BETTER), cause(store))
    there = retrain(place(store), pipeline(parameters=BETTER), late)
    assert (there.state, there.run) == ("superseded", "")
    assert "version local-2 is the champion" in there.why
    assert len(training_runs(store)) == 1


def test_the_window_is_the_runs_interval(project):
    store = champion(project)
    event = cause(store, interval_end="2026-02-01T00:00:00+01:00")
    there = retrain(place(store), pipeline(window="90d"), event)
    assert there.interval_start == "2025-11-02T23:00:00+00:00"
    assert there.interval_end == "2026-01-31T23:00:00+00:00"
    run = store.run("houses", there.run)
    assert (run.interval_start, run.interval_end) == (there.interval_start, there.interval_end)


def test_what_runs_is_the_code_that_made_the_champion(project):
    store = champion(project)
    project.write("houses/steps.py", "this is no Python any more")
    there = retrain(place(store), pipeline(parameters=BETTER), cause(store))
    assert there.state == "promoted"


def test_code_that_is_gone_blocks_until_it_is_there(project):
    store = champion(project)
    plan = store.plan(registry(store).find("houses", "champion").tags["atlas.digest.plan"])
    folder = store.location.local(code_key(plan.code))
    folder.rename(aside := folder.with_name("aside"))
    event = cause(store)
    there = retrain(place(store), pipeline(parameters=BETTER), event)
    assert (there.state, there.run) == ("blocked", "")
    assert "there is no such code" in there.why
    aside.rename(folder)
    assert retrain(place(store), pipeline(parameters=BETTER), event).state == "promoted"


def test_code_that_is_gone_is_taken_from_its_commit(project, tmp_path):
    store = champion(project)
    plan = store.plan(registry(store).find("houses", "champion").tags["atlas.digest.plan"])
    folder = store.location.local(code_key(plan.code))
    folder.rename(tmp_path / "aside")

    def restored(wanted, commit):
        assert (wanted.digest, commit) == (plan.digest, "")
        return tmp_path / "aside"

    where = place(store, restored=restored)
    assert retrain(where, pipeline(parameters=BETTER), cause(store)).state == "promoted"


def test_a_parameter_that_the_champions_recipe_has_not_blocks(project):
    store = champion(project)
    there = retrain(place(store), pipeline(parameters={"drift": {"trials": 5}}), cause(store))
    assert there.state == "blocked"
    assert "no such parameter" in there.why
    assert training_runs(store) == []


def test_a_training_that_fails_is_told_and_tried_again_when_somebody_asks(project, tmp_path):
    store = champion(project)
    missing = tmp_path / "folder"
    rule = pipeline(parameters={"all": {"ledger": str(missing / "ledger"), "quality": 0.9}})
    event = cause(store)
    there = retrain(place(store), rule, event)
    assert (there.state, there.attempt) == ("failed", 1)
    assert "No such file" in there.why
    missing.mkdir()
    assert retrain(place(store), rule, event) == there
    again = retrain(place(store), rule, event, again=True)
    assert (again.state, again.attempt) == ("promoted", 2)
    assert again.run == f"{there.run}-2"
    assert retrain(place(store), rule, event, again=True) == again


def test_training_waits_for_an_approval(project):
    store = champion(project)
    rule, event = pipeline(approval="training", parameters=BETTER), cause(store)
    there = retrain(place(store), rule, event)
    assert (there.state, there.run) == ("waiting", "")
    assert f"atlas approve . {event.id}" in there.why
    approve(store, "houses", event.id)
    assert retrain(place(store), rule, event).state == "promoted"


def test_training_that_is_declined_never_begins(project):
    store = champion(project)
    rule, event = pipeline(approval="training", parameters=BETTER), cause(store)
    retrain(place(store), rule, event)
    approve(store, "houses", event.id, approved=False, reason="holiday season")
    there = retrain(place(store), rule, event)
    assert there.state == "declined"
    assert "holiday season" in there.why
    with pytest.raises(AtlasError, match="was declined by"):
        approve(store, "houses", event.id)
    assert training_runs(store) == []


def test_promotion_waits_for_an_approval(project):
    store = champion(project)
    rule, event = pipeline(approval="promotion", parameters=BETTER), cause(store)
    there = retrain(place(store), rule, event)
    assert (there.state, there.version) == ("registered", "local-2")
    assert current(store) == "local-1"
    assert registry(store).find("houses", "challenger").version == "local-2"
    approve(store, "houses", event.id)
    there = retrain(place(store), rule, event)
    assert there.state == "promoted"
    assert current(store) == "local-2"
    finished = store.run_outcome("houses", there.run)
    assert finished["promotion"]["promoted"] is True


def test_a_promotion_that_is_declined(project):
    store = champion(project)
    rule, event = pipeline(approval="promotion", parameters=BETTER), cause(store)
    retrain(place(store), rule, event)
    approve(store, "houses", event.id, approved=False)
    assert retrain(place(store), rule, event).state == "declined"
    assert current(store) == "local-1"


def test_a_worse_version_needs_no_approval(project):
    store = champion(project)
    rule = pipeline(approval="promotion", parameters={"all": {"quality": 0.1}})
    event = cause(store)
    assert retrain(place(store), rule, event).state == "rejected"
    with pytest.raises(AtlasError, match="is rejected already"):
        approve(store, "houses", event.id)


def test_what_takes_no_approval_and_what_nobody_knows_cant_be_approved(project):
    store = champion(project)
    event = cause(store)
    with pytest.raises(AtlasError, match="nobody has asked"):
        approve(store, "houses", event.id)
    rule = pipeline(parameters={"all": {"none": 1}})
    assert retrain(place(store), rule, event).state == "blocked"
    with pytest.raises(AtlasError, match="takes no approval; it is waiting"):
        approve(store, "houses", event.id)


def test_a_protected_environment_gets_a_request_for_a_release(project):
    store = champion(project)
    rule = pipeline(protected=True, parameters=BETTER)
    there = retrain(place(store), rule, event := cause(store))
    assert (there.state, there.version) == ("requested", "local-2")
    assert current(store) == "local-1"
    (request,) = release_requests(store, "local", "houses")
    version = registry(store).find("houses", "local-2").resolved()
    assert (request.version, request.digest) == ("local-2", version.digest)
    assert (request.event, request.champion) == (event.id, "local-1")


def test_the_cool_down_begins_with_the_end_of_the_last(project):
    store = champion(project)
    rule = pipeline(cooldown="1h", parameters={"all": {"quality": 0.1}})
    first = retrain(place(store), rule, cause(store, "1"), now=NOON)
    ended = first.ended
    second = cause(store, "2")
    there = retrain(place(store), rule, second)
    assert (there.state, there.run) == ("waiting", "")
    assert there.until > ended
    assert "cool-down" in there.why
    later = NOON + timedelta(days=9999)
    assert retrain(place(store), rule, second, now=later).state == "rejected"


def test_the_budget_of_a_month(project):
    store = champion(project)
    rule = pipeline(per_month=2, parameters={"all": {"quality": 0.1}})
    states = [retrain(place(store), rule, cause(store, str(n)), now=NOON) for n in range(3)]
    assert [one.state for one in states] == ["rejected", "rejected", "waiting"]
    assert states[-1].until == "2026-04-01T00:00:00+00:00"
    april = NOON.replace(month=4)
    assert retrain(place(store), rule, cause(store, "2"), now=april).state == "rejected"


def test_one_is_under_way_and_the_next_waits(project, monkeypatch):
    store = champion(project)
    first, second = cause(store, "1"), cause(store, "2")
    one = EventRecords(store, "houses", first.id)
    rule = pipeline(parameters={"all": {"quality": 0.1}})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["atlas.retraining.held_event"], "run", killed)
        with pytest.raises(KeyboardInterrupt):
            retrain(place(store), rule, first)
    assert one.started is not None
    there = retrain(place(store), rule, second)
    assert there.state == "waiting"
    assert "under way" in there.why
    assert retrain(place(store), rule, first).state == "rejected"
    assert retrain(place(store), rule, second).state == "rejected"
    assert sorted(training_runs(store)) == sorted(
        f"training-retraining-{event.id}" for event in (first, second)
    )


def test_a_clock_that_was_wrong_keeps_nobody_waiting_for_ever(project):
    store = champion(project)
    rule = pipeline(cooldown="1h", parameters={"all": {"quality": 0.1}})
    future = NOON.replace(year=2090)
    retrain(place(store), rule, cause(store, "1"), now=future)
    second = cause(store, "2")
    there = retrain(place(store), rule, second, now=NOON)
    assert there.until == "2026-03-01T13:00:00+00:00"
    half = NOON + timedelta(minutes=30)
    assert retrain(place(store), rule, second, now=half).until == there.until
    over = NOON + timedelta(minutes=61)
    assert retrain(place(store), rule, second, now=over).state == "rejected"


@pytest.mark.parametrize("event", ["../../etc", "", "0123456789abcdeF"])
def test_an_event_whose_id_is_no_event_s_is_refused(project, event):
    store = champion(project)
    with pytest.raises(StoreError, match="16 hexadecimal"):
        retraining_of(store, "houses", event)


@pytest.mark.parametrize("name", ["request", "started", "outcome", "approval"])
def test_a_record_that_somebody_else_wrote_is_refused(project, name):
    store = champion(project)
    event = cause(store)
    retrain(place(store), pipeline(approval="promotion"), event)
    store.location.write(f"retrainings/houses/{event.id}/{name}.json", b'{"format": 1, "x": 2}')
    with pytest.raises(StoreError, match="isn't the record of a retraining"):
        retrain(place(store), pipeline(approval="promotion"), event)


@pytest.mark.parametrize("field", ["run", "plan"])
def test_a_record_that_names_another_run_or_plan_runs_nothing(project, field):
    store = champion(project)
    project.pipeline("other", SOURCE, TRAINING, parameters=PARAMETERS)
    assert project.run("other", RunSettings(isolate=THREADS)).ok
    other = store.run("other", store.runs("other")[0])
    rule, event = pipeline(approval="training", parameters=BETTER), cause(store)
    retrain(place(store), rule, event)
    own = store.run("houses", store.runs("houses")[0])
    facts = {"run": f"training-retraining-{event.id}", "plan": own.plan}
    facts[field] = other.id if field == "run" else other.plan
    EventRecords(store, "houses", event.id).start(
        StartedRetraining(attempt=1, target="local", started=NOON.isoformat(), **facts)
    )
    with pytest.raises(StoreError, match="who wrote it"):
        retrain(place(store), rule, event)
    assert training_runs(store) == []


def test_states_are_told_of_a_run_that_is_done(project):
    store = champion(project)
    there = retrain(place(store), pipeline(parameters=BETTER), cause(store))
    assert status_of(store, there.run) == "done"


WARM = """
class Model(NamedTuple):
    model: dict[str, float]

class Train(Template):
    def run(self, before: dict[str, float] | None = None) -> Model:
        start = before["quality"] if before else 0.0
        self.context.metric("quality", start + 0.25)
        return Model({"quality": start + 0.25})
"""
WARM_STEPS = {"train": {"class": "steps:Train", "inputs": {"before": "model.part"}}}


def test_a_retraining_begins_with_the_champions_parts_and_another_training_does_not(project):
    config = {
        "model": {"name": "houses", "from": {"part": "train.model"}},
        "promotion": {"metric": "train.quality", "at_least": 0.0},
    }
    project.pipeline("houses", WARM, WARM_STEPS, config=config)
    for _ in range(2):
        assert project.run("houses", RunSettings(isolate=THREADS)).ok
    store = project.store
    assert current(store) == "local-1", "the second training has made the very same"
    there = retrain(place(store), pipeline(), cause(store))
    assert there.state == "promoted"
    run = store.run("houses", there.run)
    assert (run.model.version, run.flow) == ("local-1", "training")
    assert store.get("houses", there.run, "train", "model") == {"quality": 0.5}
    assert registry(store).find("houses", "champion").tags["atlas.model"] == "houses/local-1"


def test_a_training_step_that_needs_the_model_is_refused(project):
    source = WARM.replace(" | None = None", "").replace("if before else 0.0", "")
    config = {"model": {"name": "houses", "from": {"part": "train.model"}}}
    project.pipeline("houses", source, WARM_STEPS, config=config)
    with pytest.raises(InvalidError, match=r"R005.*only when it is retrained"):
        project.resolve("houses")


def test_pipelines_of_a_config_share_what_may_be_under_way_and_no_more(project, monkeypatch):
    names = ("north", "south")
    for name in names:
        store = champion(project, name)

    def rule(name: str) -> MonitoredPipeline:
        terms = {"parameters": {"all": {"quality": 0.1}}, "per_month": 1, "cooldown": "1d"}
        return replace(pipeline(name, **terms), config="regions")

    north, south = (cause(store, "1", name) for name in names)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["atlas.retraining.held_event"], "run", killed)
        with pytest.raises(KeyboardInterrupt):
            retrain(place(store), rule("north"), north)
    waits = retrain(place(store), rule("south"), south)
    assert (waits.state, waits.until) == ("waiting", "")
    assert "1 of regions under way (north/" in waits.why
    assert retrain(place(store), rule("north"), north).state == "rejected"
    assert retrain(place(store), rule("south"), south).state == "rejected"


def test_a_member_of_a_family_is_retrained_alone_and_promoted_with_the_others_latest(project):
    matrix = {"matrix": {"region": ["apac", "emea"]}}
    store = champion(project, "sales", **matrix)
    members = [registry(store).find(f"sales-{name}", "champion") for name in ("apac", "emea")]
    assert [one.version for one in members] == ["local-1", "local-1"]
    rule = pipeline("sales-emea", parameters=BETTER, window="30d")
    there = retrain(place(store), rule, cause(store, "1", "sales-emea"))
    assert there.state == "promoted", there
    assert store.run("sales-emea", there.run).round == ""
    assert registry(store).find("sales-apac", "champion").version == "local-1"


def test_the_version_of_a_member_that_waits_for_an_approval_keeps_no_family_waiting(project):
    store = champion(project, "sales", matrix={"region": ["apac", "emea"]})
    rule = pipeline("sales-emea", parameters=BETTER, approval="promotion")
    event = cause(store, "1", "sales-emea")
    assert retrain(place(store), rule, event).state == "registered"
    other = pipeline("sales-apac", parameters=BETTER)
    assert retrain(place(store), other, cause(store, "1", "sales-apac")).state == "promoted"
    approve(store, "sales-emea", event.id)
    assert retrain(place(store), rule, event).state == "promoted"


def test_a_clock_that_is_set_back_gives_no_budget_again(project):
    store = champion(project)
    rule = pipeline(per_month=1, parameters={"all": {"quality": 0.1}})
    april, march = NOON.replace(month=4), NOON
    assert retrain(place(store), rule, cause(store, "1"), now=april).state == "rejected"
    assert retrain(place(store), rule, cause(store, "2"), now=march).state == "waiting"
    assert retrain(place(store), rule, cause(store, "2"), now=april).state == "rejected"


def test_an_event_that_nobody_has_looked_at_can_be_declined(project):
    store = champion(project)
    event = cause(store)
    approve(store, "houses", event.id, approved=False, reason="a false alarm")
    there = retrain(place(store), pipeline(parameters=BETTER), event)
    assert (there.state, there.run) == ("declined", "")
    assert "a false alarm" in there.why
    assert training_runs(store) == []


def test_one_that_was_killed_here_can_be_declined_and_frees_its_place(project, monkeypatch):
    store = champion(project)
    first, second = cause(store, "1"), cause(store, "2")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["atlas.retraining.held_event"], "run", killed)
        with pytest.raises(KeyboardInterrupt):
            retrain(place(store), pipeline(parameters=BETTER), first)
    assert retrain(place(store), pipeline(parameters=BETTER), second).state == "waiting"
    approve(store, "houses", first.id, approved=False)
    assert retrain(place(store), pipeline(parameters=BETTER), first).state == "declined"
    assert retrain(place(store), pipeline(parameters=BETTER), second).state == "promoted"


def test_an_interrupt_ends_the_call_and_the_next_one_goes_on(project, monkeypatch):
    from atlas.runner import RunResult

    store = champion(project)
    first, second = cause(store, "1"), cause(store, "2")
    rule = pipeline(parameters={"all": {"quality": 0.1}})

    def interrupted(runs, *_: object) -> RunResult:
        return RunResult(tuple(runs), complete=False, interrupted=True)

    with monkeypatch.context() as patch:
        patch.setattr("atlas.runner.run.run_all", interrupted)
        with pytest.raises(KeyboardInterrupt):
            retrain_every(place(store), [(rule, first), (rule, second)])
    assert EventRecords(store, "houses", second.id).request is None
    found = retrain_every(place(store), [(rule, first), (rule, second)])
    assert [one.state for one in found] == ["rejected", "rejected"]


def test_a_version_that_mlflow_has_not_yet_is_not_over(project):
    class Mlflow(LocalRegistry):
        kind = "mlflow"

    store = champion(project)
    event, rule = cause(store), pipeline(parameters=BETTER)
    where = replace(place(store), registry=Mlflow(store))
    assert retrain(where, rule, event).state == "running"
    assert retrain(where, rule, event).state == "running"
    assert retrain(place(store), rule, event).state == "promoted"
    assert len(registry(store).versions("houses")) == 2
