"""Rules about a Config, and about Configs beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.validate import check
from tests.unit.atlas.shop import DROP, SHOP, checked, shop, write

C = "config.json"

WRONG = {
    "a step that there isn't": ([(C, "steps.trian", {"params": {}})], ["C002 config.json steps.trian"]),
    "a Recipe that is a step": ([(C, "steps.features", {"params": {}})], ["C002 config.json steps.features"]),
    "a parameter that there isn't": ([(C, "parameters.most", 1)], ["C003 config.json parameters.most"]),
    "a schedule without a Recipe": (
        [(C, "recipes", {"training": "training.json"}), (C, "data.scores", DROP), (C, "retraining", DROP)],
        ["C006 config.json schedule.inference"],
    ),
    "data that no step uses": ([(C, "data.more", {})], ["N002 config.json data.more"]),
    "promotion without a model": (
        [(C, "model", DROP), (C, "retraining", DROP), ("inference.json", "steps.score.inputs.model", DROP),
         ("inference.json", "steps.features.inputs.means", DROP),
         ("steps.py", "def run(self, model: dict[str, float], rows: pd.DataFrame, target", "def run(self, rows: pd.DataFrame, target")],
        ["C015 config.json promotion"],
    ),
    "a promotion that nothing passes": (
        [(C, "promotion.at_least", 11)], ["C015 config.json promotion"],
    ),
    "a guard that nothing passes": (
        [(C, "promotion.guards", [{"metric": "evaluate.error", "direction": "lower", "at_least": 2, "at_most": 1}])],
        ["C015 config.json promotion.guards[0]"],
    ),
    "a paired test without a direction": (
        [(C, "promotion.beats_champion", {"margin": 0.1})], ["C017 config.json promotion"],
    ),
    "slices without a direction": (
        [(C, "promotion.slices", {"by": "region"})], ["C017 config.json promotion"],
    ),
    "a direction that is guessed": (
        [(C, "promotion.beats_champion", True)], ["N008 config.json promotion"],
    ),
    "labels to count without labels": (
        [(C, "retraining.new_labels", 5), (C, "data.sales.label", DROP)],
        ["C013 config.json retraining.new_labels"],
    ),
    "retraining without training": (
        [(C, "recipes", {"inference": "inference.json"}), (C, "promotion", DROP), (C, "parameters", DROP),
         (C, "steps", DROP)],
        ["C013 config.json retraining"],
    ),
    "a matrix that is too large": (
        [(C, "matrix", {"a": [f"a{n}" for n in range(80)], "b": [f"b{n}" for n in range(80)]})],
        ["C012 config.json matrix"],
    ),
    "members of one name": (
        [(C, "matrix", {"a": ["x", "x-y"], "b": ["y-z", "z"]})], ["C007 config.json matrix"],
    ),
    "a name that is too long": (
        [(C, "matrix", {"a": ["x" * 60], "b": ["y" * 60]})], ["C014 config.json matrix"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_config_is_told_once(name: str, tmp_path: Path) -> None:
    changes, expected = WRONG[name]
    assert checked(write(tmp_path, shop(*changes))) == expected


def test_a_huge_matrix_is_not_expanded(tmp_path: Path) -> None:
    axes = {f"a{n}": [f"v{k}" for k in range(1000)] for n in range(8)}
    [problem] = check(write(tmp_path, shop((C, "matrix", axes)))).problems
    assert problem.message == f"the matrix has {1000**8:,} members"


def test_the_hint_for_a_recipe_that_is_a_step(tmp_path: Path) -> None:
    [problem] = check(write(tmp_path, shop((C, "steps.features", {"params": {}})))).problems
    assert problem.hint == "it is a Recipe; its steps are features.clean"


def other(name: str, **more: Any) -> dict[str, Any]:
    return {"version": 1, "name": name, "recipes": {"training": "other.json"}, **more}


OTHER = {
    "version": 1,
    "name": "other",
    "steps": {"lone": {"class": "steps:Lone"}},
}
LONE = "class Lone(Template):\n    def run(self) -> None: ...\n\n\nclass Score(Template):"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (other("shop"), ["C007 other.json name"]),
        (other("shop", matrix={"a": ["x"]}), ["C007 other.json name"]),
        (other("shopping"), []),
        (other("sho", matrix={"a": ["p"]}), []),
    ],
)
def test_configs_of_one_name(config: dict[str, Any], expected: list[str], tmp_path: Path) -> None:
    files = shop(
        ("steps.py", "class Score(Template):", LONE),
        **{"configs/other.json": config, "other.json": OTHER},
    )
    assert checked(write(tmp_path, files)) == expected


def test_a_member_is_called_as_another_pipeline(tmp_path: Path) -> None:
    files = shop(
        (C, "matrix", {"region": ["emea", "apac"]}),
        ("steps.py", "class Score(Template):", LONE),
        **{"configs/other.json": other("shop-apac"), "other.json": OTHER},
    )
    [problem] = check(write(tmp_path, files)).problems
    assert (problem.code, problem.message.partition(" is")[0]) == (
        "C007",
        "the pipeline 'shop-apac'",
    )


def test_names_don_t_depend_on_the_order_of_axes() -> None:
    from atlas.config import Config

    raw = {**SHOP[C], "matrix": {"b": ["1"], "a": ["2"]}}
    config = Config.parse(raw)
    assert [config.member_name(axes) for axes in config.members()] == ["shop-2-1"]


def test_nothing_follows_from_a_recipe_that_can_t_be_read(tmp_path: Path) -> None:
    files = shop(("features.json", "", DROP), (C, "steps", {"features.clean": {"params": {}}}))
    assert checked(write(tmp_path, files)) == [
        "R024 inference.json steps.features.recipe",
        "R024 training.json steps.features.recipe",
    ]


def test_both_flows_share_an_override(tmp_path: Path) -> None:
    params = {"columns": ["size"], "wy": "fill"}
    files = shop((C, "steps", {"features.clean": {"params": params}}))
    assert checked(write(tmp_path, files)) == ["R016 config.json steps.features.clean.params.wy"]


def test_a_class_that_the_config_changes_is_checked(tmp_path: Path) -> None:
    boost = "class Boost(Template):\n    target: int\n\n    def run(self, rows: pd.DataFrame) -> Model: ...\n\n\nclass Score(Template):"
    files = shop(
        ("steps.py", "class Score(Template):", boost),
        (C, "steps", {"train": {"class": "steps:Boost"}}),
    )
    assert sorted(checked(write(tmp_path, files))) == [
        "R016 training.json steps.train.params.least",
        "R017 training.json steps.train.params.target",
    ]
