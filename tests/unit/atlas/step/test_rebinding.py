"""A run that is bound again keeps what whoever started it has said of its version."""

from __future__ import annotations

from dataclasses import replace

from atlas.step import RunRequest, bind
from tests.projects import project
from tests.retrained import champion

__all__ = ["project"]
RULE = {"metric": "evaluate.quality", "direction": "higher", "at_least": 0.9}


def test_the_task_of_another_plan_changes_neither_the_rule_nor_what_is_waited_for(project):
    store = champion(project)
    plan = store.plan(store.run("houses", store.runs("houses")[0]).plan)
    asked = RunRequest("training-r", trigger="retraining", hold="approval", promotion=RULE)
    assert bind(store, plan, asked).hold == "approval"
    deployed = replace(plan, description="deployed since")
    again = bind(store, deployed, RunRequest("training-r"))
    assert (again.plan, again.hold, again.promotion) == (deployed.digest, "approval", RULE)
    assert store.run("houses", "training-r") == again
