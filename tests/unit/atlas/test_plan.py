"""A Plan is the same when it is read back from its text."""

from __future__ import annotations

import pickle
from copy import deepcopy

import pytest

from atlas.plan import Plan
from atlas.values import thawed
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
