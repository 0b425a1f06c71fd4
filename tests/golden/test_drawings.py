"""Drawings byte for byte, each format once, and a comparison."""

from dataclasses import replace

import pytest

from atlas.draw import diff, drawn, of_plan, of_plans
from atlas.plan import Value
from tests.golden.plans import INFERENCE, TRAINING

TRAIN = TRAINING.steps[2]
CHANGED = replace(
    TRAINING,
    steps=(*TRAINING.steps[:2], replace(TRAIN, params={"trees": Value("value", 9)}), *TRAINING.steps[3:4]),
)  # fmt: skip
DRAWINGS = {
    "flows": of_plans([TRAINING, INFERENCE]),
    "change": diff(of_plan(TRAINING), of_plan(CHANGED)),
}
ENDINGS = {"text": "txt", "mermaid": "mmd", "dot": "dot", "svg": "svg", "html": "html"}


@pytest.mark.parametrize("form", ENDINGS)
def test_two_flows(golden, form):
    content = drawn(DRAWINGS["flows"], form)
    golden(f"drawing-flows.{ENDINGS[form]}", content)
    assert content.decode().count("TrainForest") >= 1


@pytest.mark.parametrize("form", ["text", "svg"])
def test_a_change(golden, form):
    content = drawn(DRAWINGS["change"], form)
    golden(f"drawing-change.{ENDINGS[form]}", content)
    assert "params.trees" in content.decode()


def test_outcomes(golden):
    marks = {"load": "cached", "features.scale": "ran", "train": "failed", "evaluate": "skipped"}
    content = drawn(of_plan(TRAINING), "svg", marks)
    golden("drawing-outcomes.svg", content)
    assert content.decode().count("outcome: ") == len(marks)
