"""A retraining on an orchestrator: started once, left, looked at again, from any crash on."""

from __future__ import annotations

import sys

import pytest

from atlas.errors import AtlasError, PlatformError, TargetError
from atlas.retraining import RetrainingPlace, approve, retrain
from atlas.retraining.every import retrain_every
from atlas.step.versions import registry
from tests.projects import project
from tests.retrained import cause, champion, pipeline
from tests.unit.atlas.launch.stepper import Stepper

__all__ = ["project"]
BETTER = {"all": {"quality": 0.9}}


class Orchestrator(Stepper):
    """A stepper that may refuse, or have another Plan deployed."""

    deployed = None
    refusal = ""

    def prepare(self, plan):
        if self.refusal:
            raise TargetError(f"{plan.name}: {self.refusal}", code="T303")
        return (self.deployed or plan), ()


def elsewhere(project, store, **more):
    orchestrator = Orchestrator(store, project.root / "houses", **more)
    return orchestrator, RetrainingPlace(store, registry(store), lambda *_: orchestrator)


def there(**rule):
    from dataclasses import replace

    return replace(pipeline(parameters=BETTER, **rule), targets={"training": "airflow"})


def test_a_run_is_started_left_and_found_again_until_it_is_over(project):
    store = champion(project)
    orchestrator, where = elsewhere(project, store)
    event = cause(store)
    states = [retrain(where, there(), event).state for _ in range(4)]
    assert states[0] == "running"
    assert states[-1] == "promoted"
    assert orchestrator.submitted == [f"training-retraining-{event.id}"]
    assert registry(store).find("houses", "champion").version == "local-2"


def test_waiting_follows_it_to_its_end(project, monkeypatch):
    monkeypatch.setattr(sys.modules["atlas.retraining.every"], "_PAUSE_SECONDS", 0.0)
    store = champion(project)
    _, where = elsewhere(project, store)
    said: list[str] = []
    (ended,) = retrain_every(where, [(there(), cause(store))], wait=60.0, say=said.append)
    assert ended.state == "promoted"
    assert ["running" in said[0], "promoted" in said[-1]] == [True, True]


@pytest.mark.parametrize("moment", ["submit", "find"])
def test_a_crash_around_the_start_starts_it_once(project, monkeypatch, moment):
    store = champion(project)
    orchestrator, where = elsewhere(project, store)
    event, submit = cause(store), orchestrator.submit

    def killed(plan, run):
        if moment == "find":
            submit(plan, run)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(orchestrator, "submit", killed)
        with pytest.raises(KeyboardInterrupt):
            retrain(where, there(), event)
    states = [retrain(where, there(), event).state for _ in range(4)]
    assert states[-1] == "promoted"
    assert orchestrator.submitted == [f"training-retraining-{event.id}"]


def test_an_orchestrator_that_does_not_answer_loses_nothing(project):
    store = champion(project)
    orchestrator, where = elsewhere(project, store, silent=1)
    event = cause(store)
    assert retrain(where, there(), event).state == "running"
    assert [retrain(where, there(), event).state for _ in range(4)][-1] == "promoted"
    assert len(orchestrator.submitted) == 1


def test_one_whose_registry_is_down_keeps_no_other_waiting(project, monkeypatch):
    store = champion(project)
    orchestrator, where = elsewhere(project, store)
    first, second = cause(store, "1"), cause(store, "2")
    find, asked = type(where.registry).find, []

    def down_once(self, model, version):
        asked.append(version)
        if len(asked) == 1:
            raise PlatformError("mlflow doesn't answer")
        return find(self, model, version)

    with monkeypatch.context() as patch:
        patch.setattr(type(where.registry), "find", down_once)
        found = retrain_every(where, [(there(), first), (there(), second)])
    assert [one.state for one in found] == ["blocked", "running"]
    assert "mlflow doesn't answer" in found[0].why
    assert len(orchestrator.submitted) == 1


def test_what_is_not_deployed_or_paused_blocks_and_uses_no_start_up(project):
    store = champion(project)
    orchestrator, where = elsewhere(project, store)
    orchestrator.refusal = "is paused"
    event = cause(store)
    blocked = retrain(where, there(per_month=1), event)
    assert (blocked.state, blocked.run) == ("blocked", "")
    assert "T303" in blocked.why
    orchestrator.refusal = ""
    assert retrain(where, there(per_month=1), event).state == "running"


def test_a_newer_deployment_is_trained_and_said(project):
    store = champion(project)
    orchestrator, where = elsewhere(project, store)
    project.write("houses/steps.py", (project.root / "houses/steps.py").read_text() + "\n# newer\n")
    orchestrator.deployed = newer = project.plan("houses")
    store.add_plan(newer)
    from atlas.store import add_code

    add_code(store, project.root / "houses", newer.code)
    event = cause(store)
    found = [retrain(where, there(), event) for _ in range(4)]
    assert found[-1].state == "promoted"
    assert store.run("houses", found[-1].run).plan == newer.digest == found[-1].plan
    assert f"airflow has Plan {newer.digest[:12]} deployed, which is trained" in found[-1].why


def test_a_run_that_fails_there_is_failed_here(project):
    store = champion(project)
    _, where = elsewhere(project, store, mute={"train": "its pod was evicted"})
    event = cause(store)
    found = [retrain(where, there(), event) for _ in range(4)]
    assert found[-1].state == "failed"
    assert "its pod was evicted" in found[-1].why


def test_one_that_is_under_way_there_is_ended_there_and_not_declined_here(project):
    store = champion(project)
    orchestrator, where = elsewhere(project, store)
    event = cause(store)
    retrain(where, there(), event)
    with pytest.raises(AtlasError, match="is under way on airflow; end it there"):
        approve(store, "houses", event.id, approved=False)
    run = orchestrator.submitted[0]
    orchestrator.cancel(orchestrator.find(orchestrator.plans[run], store.run("houses", run)))
    assert [retrain(where, there(), event).state for _ in range(2)][-1] == "failed"


def test_one_that_was_never_given_to_it_can_be_declined(project, monkeypatch):
    store = champion(project)
    orchestrator, where = elsewhere(project, store)
    event = cause(store)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["atlas.retraining.held_event"], "run", killed)
        with pytest.raises(KeyboardInterrupt):
            retrain(where, there(), event)
    approve(store, "houses", event.id, approved=False)
    assert retrain(where, there(), event).state == "declined"
    assert orchestrator.submitted == []
