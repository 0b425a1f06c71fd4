"""What Kubeflow refuses, and that it is reported before kfp is imported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas.errors import InvalidError
from atlas.plan import Foreach, InputSource, Output, Plan, PlanStep, Schedule
from atlas.recipe import Parameter, Resources, Retries
from atlas.targets.kubeflow.compiler import KubeflowCompiler

STEP = PlanStep("one", "steps:One")
PLAN = Plan(
    name="p", pipeline="p", config="p", flow="training", recipe="r", environment="e",
    target="kubeflow", steps=(STEP,),
)  # fmt: skip


def step(**changes: object) -> Plan:
    return replace(PLAN, steps=(replace(STEP, **changes),))


def with_parameter(default: object, kind: str = "string") -> Plan:
    return replace(PLAN, parameters={"p": Parameter(kind, default)})


POD = {"kubernetes": "vault/key"}
OTHER = InputSource("pipeline", "other", "rows", "make")


@pytest.mark.parametrize(
    ("plan", "code", "path"),
    [
        (replace(PLAN, name="p" * 125), "T101", "name"),
        (replace(PLAN, parameters={"atlas_run": Parameter("string", "")}), "T102", "parameters.atlas_run"),
        (replace(PLAN, parameters={"_p": Parameter("string", "")}), "T103", "parameters._p"),
        (step(outputs={"_o": Output()}), "T103", "steps.one.outputs._o"),
        (step(env={"A": "{{$.inputs}}"}), "T104", "steps.one.env.A"),
        (with_parameter("{{$}}"), "T104", "parameters.p.default"),
        (with_parameter(2**53 + 1, "integer"), "T109", "parameters.p.default"),
        (step(retries=Retries(1, factor=1.5), timeout=9.0), "T111", "steps.one.retries.factor"),
        (step(timeout=2.0**31), "T106", "steps.one.timeout"),
        (replace(PLAN, secrets={"s": {"airflow": "conn"}}), "T107", "secrets.s"),
        (replace(PLAN, secrets={"s": {"variable": "S"}}), "T107", "secrets.s"),
        (replace(PLAN, secrets={"a-b": POD, "a_b": POD}), "T003", "secrets.a_b"),
        (step(env={"A": "a\0b"}), "T002", "steps.one.env.A"),
    ],
)  # fmt: skip
def test_problem(plan, code, path):
    assert [(p.code, p.path) for p in KubeflowCompiler().problems(plan)] == [(code, path)]
    with pytest.raises(InvalidError):
        KubeflowCompiler().compile(plan, {"": "image"})


@pytest.mark.parametrize(
    ("plan", "code", "path"),
    [
        (step(retries=Retries(1)), "T105", "steps"),
        (step(retries=Retries(2), timeout=1200.0), "T105", "steps"),
        (step(retries=Retries(1, 1.5), timeout=9.0), "T108", "steps.one.retries"),
        (step(retries=Retries(3, max_delay=2.0), timeout=9.0), "T112", "steps.one.retries"),
        (replace(PLAN, schedule=Schedule("0 0 * * *")), "T110", "schedule"),
        (replace(PLAN, schedule=Schedule("0 0 * * *", "Europe/Berlin")), "T116", "schedule"),
        (step(inputs={"a": OTHER}), "T113", "reads"),
    ],
)
def test_note(plan, code, path):
    found = [(p.code, p.path, p.severity) for p in KubeflowCompiler().problems(plan)]
    assert found == [(code, path, "warning")]


@pytest.mark.parametrize(
    ("plan", "code", "path"),
    [
        (step(resources=Resources(cpu=1.0)), "T114", "steps.one.cpu"),
        (step(node_selector={"a": "b"}), "T114", "steps.one.node_selector"),
        (
            step(foreach=Foreach((("key", InputSource("data", "keys")),))),
            "T115",
            "steps.one.foreach",
        ),
        (replace(PLAN, secrets={"s": {"kubernetes": "a/b"}}), "T107", "secrets.s"),
    ],
)
def test_kfp_local(plan, code, path):
    assert [(p.code, p.path) for p in KubeflowCompiler(local=True).problems(plan)] == [(code, path)]


@pytest.mark.parametrize(
    "plan",
    [PLAN, step(retries=Retries(1), timeout=1700.0), step(timeout=0.5), step(env={"A": "$(B)"})],
)
def test_all_is_well(plan):
    assert KubeflowCompiler().problems(plan) == []
