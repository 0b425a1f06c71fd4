"""What Kubeflow refuses, and that it is told before kfp is imported."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from atlas.errors import InvalidError
from atlas.plan import Output, Plan, PlanStep
from atlas.recipe import Parameter, Retries
from atlas.targets.kubeflow import Kubeflow

STEP = PlanStep("one", "steps:One")
PLAN = Plan(
    name="p", pipeline="p", config="p", flow="training", recipe="r", environment="e",
    target="kubeflow", steps=(STEP,),
)  # fmt: skip


def step(**changes: object) -> Plan:
    return replace(PLAN, steps=(replace(STEP, **changes),))


@pytest.mark.parametrize(
    ("plan", "code", "path"),
    [
        (replace(PLAN, name="p" * 125), "T101", "name"),
        (replace(PLAN, parameters={"atlas_run": Parameter("string", "")}), "T102", "parameters.atlas_run"),
        (replace(PLAN, parameters={"_p": Parameter("string", "")}), "T103", "parameters._p"),
        (step(outputs={"_o": Output()}), "T103", "steps.one.outputs._o"),
        (step(env={"A": "{{$.inputs}}"}), "T104", "steps.one.env.A"),
        (step(retries=Retries(1, max_delay=7200.0)), "T105", "steps.one.retries.max_delay"),
        (step(timeout=2.0**31), "T106", "steps.one.timeout"),
        (replace(PLAN, secrets={"s": {"airflow": "conn"}}), "T107", "secrets.s"),
        (step(env={"A": "a\0b"}), "T002", "steps.one.env.A"),
        (step(description="\ud800"), "T001", ""),
    ],
)  # fmt: skip
def test_problem(plan, code, path):
    assert [(p.code, p.path) for p in Kubeflow().problems(plan)] == [(code, path)]
    with pytest.raises(InvalidError):
        Kubeflow().compile(plan, {"": "image"})


def test_all_is_well():
    assert Kubeflow().problems(PLAN) == []


def test_problems_import_no_kfp():
    code = (
        "import sys; from atlas.targets.kubeflow import Kubeflow; from atlas.plan import Plan\n"
        "Kubeflow().problems(Plan('p', 'p', 'p', 'training', 'r', 'e', 'kubeflow', ()))\n"
        "print(sorted({'kfp', 'yaml', 'airflow'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
