"""The end of a run: what is left of it when the process that records it is killed."""

from __future__ import annotations

import pytest

from atlas.step import finish as ending
from atlas.tracking.outbox import pending_for, state_outbox

SOURCE = """
class Value(NamedTuple):
    value: int
class Make(Template):
    def run(self) -> Value:
        return Value(1)
"""


class KilledError(BaseException):
    """Stands for SIGKILL: nothing handles it."""


def killed(*_: object, **__: object) -> None:
    raise KilledError


@pytest.fixture
def ran(project, monkeypatch):
    monkeypatch.setenv("ATLAS_STATE", str(project.state))
    project.pipeline("p", SOURCE, {"make": {"class": "steps:Make"}})
    ran = project.run("p")
    for pending in state_outbox().pending():
        state_outbox().remove(pending)
    return ran


def test_a_run_that_is_killed_after_its_end_was_recorded_waits_in_the_outbox(
    project, ran, monkeypatch
):
    run, plan = ran.first.run, project.plan("p")
    monkeypatch.setattr(ending, "deliver", killed)
    with pytest.raises(KilledError):
        ending.finish(project.store, plan, run)
    assert project.store.run_outcome("p", run.id)["status"] == "done"
    (pending,) = state_outbox().pending()
    assert pending == pending_for(project.store, run, running=True)
    assert pending.is_running


def test_a_delivered_run_leaves_the_outbox(project, ran, monkeypatch):
    monkeypatch.setattr("atlas.step.registering.registered", lambda *given: given[-1])
    monkeypatch.setattr("atlas.step.delivery.track", lambda *given, **_: given[3])
    monkeypatch.setenv("ATLAS_MLFLOW_URL", "http://127.0.0.1:9")
    ending.finish(project.store, project.plan("p"), ran.first.run)
    assert list(state_outbox().pending()) == []
