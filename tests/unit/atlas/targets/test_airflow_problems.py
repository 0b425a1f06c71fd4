"""What Airflow refuses, and what it only does differently."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas.errors import InvalidError
from atlas.plan import Plan, PlanStep, Schedule
from atlas.recipe import Parameter, Resources
from atlas.targets.airflow.compiler import AirflowCompiler

STEP = PlanStep("one", "steps:One")
PLAN = Plan(
    name="p", pipeline="p", config="p", flow="training", recipe="r", environment="e",
    target="airflow", steps=(STEP,),
)  # fmt: skip


def step(**changes: object) -> Plan:
    return replace(PLAN, steps=(replace(STEP, **changes),))


@pytest.mark.parametrize(
    ("plan", "code", "path"),
    [
        (replace(PLAN, name="p" * 250), "T201", "name"),
        (step(name="s" * 246), "T201", f"steps.{'s' * 246}"),
        (
            replace(PLAN, schedule=Schedule("0 0 * * *"), parameters={"a": Parameter("string")}),
            "T202",
            "parameters.a.default",
        ),
        (replace(PLAN, secrets={"s": {"kubernetes": "a/b"}}), "T203", "secrets.s"),
        (step(env={"A": "a\0b"}), "T002", "steps.one.env.A"),
    ],
)
def test_problem(plan, code, path):
    assert [(p.code, p.path) for p in AirflowCompiler().problems(plan)] == [(code, path)]
    with pytest.raises(InvalidError):
        AirflowCompiler().compile(plan, {})


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"node_selector": {"a": "b"}}, "steps.one.node_selector"),
        ({"tolerations": ({"key": "a"},)}, "steps.one.tolerations"),
        ({"resources": Resources(gpu=1)}, "steps.one.resources.gpu"),
    ],
)
def test_a_warning_stops_nothing(changes, path):
    (problem,) = AirflowCompiler().problems(step(**changes))
    assert (problem.code, problem.path, problem.severity) == ("T204", path, "warning")
    assert AirflowCompiler().compile(step(**changes), {})
