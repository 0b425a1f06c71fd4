"""A Plan is the same when it is read back from its text."""

from __future__ import annotations

import pickle
from copy import deepcopy

import pytest

from atlas.plan import Plan
from atlas.plan.monitored import seconds_between
from atlas.values import thawed
from tests import profiled
from tests.projects import project

__all__ = ["project"]

SOURCE = """
class Say(Template):
    what: Any = None
    def run(self) -> None: ...
"""


@pytest.mark.parametrize(
    ("kind", "default"), [("string", ""), ("integer", 0), ("number", 0.0), ("boolean", False)]
)
def test_a_default_that_is_nothing_is_a_default(project, kind, default):
    steps = {"say": {"class": "steps:Say", "params": {"what": {"parameter": "what"}}}}
    project.pipeline(
        "words", SOURCE, steps, parameters={"what": {"type": kind, "default": default}}
    )
    plan = project.plan("words")
    again = Plan.from_text(plan.text)
    assert again.parameters["what"].default == default
    assert again.digest == plan.digest


VALUE = {"columns": ["a", {"depth": [1, 2]}], "empty": {}}


def test_nothing_changes_a_plan(project):
    steps = {"say": {"class": "steps:Say", "params": {"what": VALUE}, "env": {"A": "b"}}}
    project.pipeline("words", SOURCE, steps)
    plan = project.plan("words")
    value = plan.step("say").params["what"].value
    changes = [
        lambda: value["columns"].append(1),
        value["columns"][1]["depth"].sort,
        lambda: value["columns"].__setitem__(0, "b"),
        lambda: value.update(a=1),
        lambda: value.pop("empty"),
        lambda: plan.step("say").env.setdefault("C", "d"),
        plan.step("say").params.clear,
        lambda: plan.digests.__setitem__("recipe", ""),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="a Plan can't be changed"):
            change()
    assert value == VALUE


def test_a_copy_of_a_plans_values_may_be_changed(project):
    project.pipeline("words", SOURCE, {"say": {"class": "steps:Say", "params": {"what": VALUE}}})
    plan = project.plan("words")
    value = plan.step("say").params["what"].value
    for copy in (thawed(value), deepcopy(value)):
        copy["columns"][1]["depth"].append(3)
        assert type(copy["columns"]) is list
    assert pickle.loads(pickle.dumps(plan)).digest == plan.digest
    assert value == VALUE


@pytest.mark.parametrize(
    ("cron", "seconds"),
    [
        ("0 6 * * *", 86_400.0),
        ("@hourly", 3600.0),
        ("*/15 9-17 * * *", 900.0),
        ("0 6 * * mon-fri", 86_400.0),
        ("@weekly", 7 * 86_400.0),
        ("@monthly", 31 * 86_400.0),
        ("@yearly", 365 * 86_400.0),
        ("0 0 29 2 *", 1461 * 86_400.0),
    ],
)
def test_how_long_the_intervals_of_a_schedule_are(cron, seconds):
    assert seconds_between(cron) == seconds


def test_a_training_plan_says_what_is_learnt_and_an_inference_plan_what_is_checked(project):
    profiled.write(project, quality={"on_breach": "fail"})
    training, inference = (project.plan("shop", flow) for flow in ("training", "inference"))
    features = {"step": "load", "output": "rows", "columns": ["age", "region", "visits"]}
    assert training.statistics["features"] == {**features, "every": 86_400.0}
    assert training.statistics["predictions"] == {
        "step": "judge", "output": "scored", "columns": ["probability"], "every": 86_400.0,
        "score": "probability", "label": "bought", "positive": "yes",
    }  # fmt: skip
    assert training.quality == {}
    assert inference.statistics["features"] == features
    assert inference.statistics["predictions"]["step"] == "score"
    assert inference.quality == {"on_breach": "fail"}
    assert Plan.from_text(inference.text) == inference
    profiled.write(project)
    assert project.plan("shop", "training").digest == training.digest
    assert project.plan("shop", "inference").digest != inference.digest
