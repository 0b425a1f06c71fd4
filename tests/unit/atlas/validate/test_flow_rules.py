"""Rules about a flow as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.validate import check
from tests.unit.atlas.shop import DROP, checked, shop, write

R = "training.json"
C = "config.json"
LONE = """

class Lone(Template):
    def run(self) -> None: ...


class Score(Template):"""

WRONG = {
    # order
    "two steps in a circle": (
        [(R, "steps.train.inputs.rows", "evaluate.metrics"), (R, "steps.evaluate.inputs.rows", "load.rows"),
         ("steps.py", "def run(self, rows: pd.DataFrame) -> Model", "def run(self, rows: dict[str, float]) -> Model")],
        ["R010 training.json steps.evaluate"],
    ),
    "a step that waits for itself": (
        [(R, "steps.train.after", ["train"])], ["R010 training.json steps.train"],
    ),
    "a circle through after": (
        [(R, "steps.load.after", ["evaluate"])], ["R010 training.json steps.evaluate"],
    ),
    "a circle through a Recipe that is a step": (
        [(R, "steps.load.after", ["features"])], ["R010 features.json steps.clean"],
    ),
    "a step alone": (
        [("steps.py", "\n\nclass Score(Template):", LONE), (R, "steps.lone", {"class": "steps:Lone"})],
        ["R011 training.json steps.lone"],
    ),
    "a step that nothing reads": (
        [(R, "steps.spare", {"class": "steps:Load", "inputs": {"source": "data.sales"}})],
        ["N004 training.json steps.spare"],
    ),
    # data
    "data that the Config hasn't": (
        [(R, "steps.load.inputs.source", "data.sale")], ["R004 training.json steps.load.inputs.source"],
    ),
    "data of which the Environment says nothing": (
        [("environments/local.json", "data.sales", DROP)], ["E002 local.json data"],
    ),
    "data without an Environment's file": (
        [("environments/local.json", "", DROP), (R, "steps.train.secrets", DROP)],
        ["E002 config.json data.sales", "E002 config.json data.scores"],
    ),
    # model
    "a part that the model hasn't": (
        [("inference.json", "steps.score.inputs.model", "model.forest")],
        ["R005 inference.json steps.score.inputs.model"],
    ),
    "a part without any model": (
        [(C, "model", DROP), (C, "promotion", DROP), (C, "retraining", DROP)],
        ["R005 features.json steps.clean.inputs.means",
         "R005 inference.json steps.score.inputs.model"],
    ),
    "a part of the model in training": (
        [(R, "steps.evaluate.inputs.model", "model.model")], ["R005 training.json steps.evaluate.inputs.model"],
    ),
    "a part from a step that there isn't": (
        [(C, "model.from.model", "trian.model")], ["C004 config.json model.from.model"],
    ),
    "a part from an output that there isn't": (
        [(C, "model.from.model", "train.forest")], ["C004 config.json model.from.model"],
    ),
    "a metric of a step that there isn't": (
        [(C, "promotion.metric", "measure.error")], ["C005 config.json promotion.metric"],
    ),
    "a guard's metric of a step that there isn't": (
        [(C, "promotion.guards", [{"metric": "measure.bias", "direction": "lower"}])],
        ["C005 config.json promotion.guards[0].metric"],
    ),
    "a paired test without rows": (
        [(C, "promotion.direction", "lower"), (C, "promotion.beats_champion", {"confidence": 0.99})],
        ["N009 config.json promotion"],
    ),
    # flow and schedule
    "a Recipe of the other flow": (
        [(R, "flow", "inference")], ["C008 config.json recipes.training"],
    ),
    "a schedule that never comes": (
        [(C, "schedule.inference.cron", "0 0 30 2 *")], ["C006 config.json schedule.inference.cron"],
    ),
    "a time zone that there isn't": (
        [(C, "schedule.inference.timezone", "Europe/Bärlin")], ["C006 config.json schedule.inference.timezone"],
    ),
    "a start that is no day": (
        [(C, "schedule.inference.start", "2026-02-30")], ["C006 config.json schedule.inference.start"],
    ),
    # use
    "a parameter that no step uses": (
        [(R, "parameters.most", {"type": "number", "default": 1})], ["N002 training.json parameters.most"],
    ),
    "an image that no step uses": (
        [(R, "images.spare", {"requirements": "requirements.txt"})], ["N002 training.json images.spare"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_flow_is_told_once(name: str, tmp_path: Path) -> None:
    changes, expected = WRONG[name]
    assert checked(write(tmp_path, shop(*changes))) == expected


RIGHT = {
    "a Recipe without a flow": [(R, "flow", DROP)],
    "one step alone": [
        (R, "steps", {"load": {"class": "steps:Load", "inputs": {"source": "data.sales"}}}),
        (R, "parameters", DROP), (R, "images", DROP), (R, "defaults", DROP), (C, "parameters", DROP),
        (C, "steps", DROP), (C, "recipes.inference", DROP), (C, "schedule", DROP), (C, "model", DROP),
        (C, "promotion", DROP), (C, "data.scores", DROP), (C, "features", DROP),
        (C, "retraining", DROP), ("features.json", "", DROP), ("inference.json", "", DROP),
    ],
    "a step that only order connects": [
        ("steps.py", "\n\nclass Score(Template):", LONE),
        (R, "steps.lone", {"class": "steps:Lone", "after": ["evaluate"]}),
    ],
    "a part of the model by the output of a Recipe": [(C, "model.from.means", "features.means")],
    "a step that only the model reads": [
        (C, "model.from.spare", "spare.rows"),
        (R, "steps.spare", {"class": "steps:Load", "inputs": {"source": "data.sales"}}),
    ],
    "a part of the model that inference doesn't ask for": [(C, "model.from.more", "load.rows")],
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_told_nothing(name: str, tmp_path: Path) -> None:
    assert checked(write(tmp_path, shop(*RIGHT[name]))) == []


def test_the_circle_is_shown(tmp_path: Path) -> None:
    changes, _ = WRONG["a circle through after"]
    [problem] = check(write(tmp_path, shop(*changes))).problems
    assert problem.message == (
        "the steps wait for each other: evaluate → load → features.clean → evaluate"
    )


def test_notes_that_follow_from_an_error_are_not_told(tmp_path: Path) -> None:
    files = shop(
        (R, "parameters.most", {"type": "number", "default": 1}), (R, "steps.train.params.x", 1)
    )
    assert checked(write(tmp_path, files)) == ["R016 training.json steps.train.params.x"]


def test_a_part_of_a_model_can_t_be_many(tmp_path: Path) -> None:
    files = shop(
        ("steps.py", "class Score(Template):",
         "class Names(NamedTuple):\n    names: list[str]\n\n\nclass List(Template):\n"
         "    def run(self) -> Names: ...\n\n\nclass Each(Template):\n"
         "    def run(self, name: str) -> Model: ...\n\n\nclass Score(Template):"),
        (R, "steps.list", {"class": "steps:List"}),
        (R, "steps.each", {"class": "steps:Each", "foreach": {"name": "list.names"}}),
        (C, "model.from.each", "each.model"),
    )  # fmt: skip
    [problem] = check(write(tmp_path, files)).problems
    assert problem.code == "C004"
    assert problem.message == "the step 'each' has foreach, and a part of a model is one artifact"
