"""References to earlier runs: is the output there, does its type fit, does a window say which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.plan import resolve
from atlas.recipe import Reference
from atlas.validate import check
from tests.unit.atlas.shop import checked, write
from tests.unit.atlas.validate.test_between import AXES, PROJECT, makes, pipeline, takes

WHERE = "recipe.json steps.make.inputs.value"
BATCHES = "list[Batch[int]]"


def reading(
    made: str, hint: str, reference: str, window: str = "7d", **more: Any
) -> dict[str, Any]:
    source = takes(hint).replace("class Make", "from atlas import Batch\n\n\nclass Make")
    files = {
        **PROJECT,
        **pipeline("one", made, **more),
        **pipeline("two", source, inputs={"value": reference}),
    }
    if window:
        files["two/recipe.json"]["steps"]["make"]["window"] = window
    return files


CASES = {
    "earlier runs": (makes("int"), BATCHES, "history:one/make.value", "7d", []),
    "any value": (makes("int"), "list[Batch]", "history:one/make.value", "7d", []),
    "another type": (makes("str"), BATCHES, "history:one/make.value", "7d", [f"R012 {WHERE}"]),
    "one value": (makes("int"), "int", "history:one/make.value", "7d", [f"R012 {WHERE}"]),
    "no such output": (makes("int"), BATCHES, "history:one/make.vale", "7d", [f"C010 {WHERE}"]),
    "no such step": (makes("int"), BATCHES, "history:one/mak.value", "7d", [f"C010 {WHERE}"]),
    "no such pipeline": (makes("int"), BATCHES, "history:on/make.value", "7d", [f"C010 {WHERE}"]),
    "no window": (makes("int"), BATCHES, "history:one/make.value", "", [f"R047 {WHERE}"]),
    "a window of nothing": (
        makes("int"), BATCHES, "history:one/make.value", "0d", ["S004 recipe.json steps.make.window"],
    ),
    "a window that is no duration": (
        makes("int"), BATCHES, "history:one/make.value", "a week", ["S004 recipe.json steps.make.window"],
    ),
    "a window without a history": (
        makes("int"), "int", "pipeline:one/make.value", "7d", ["N002 recipe.json steps.make.window"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_history_of(name: str, tmp_path: Path) -> None:
    made, hint, reference, window, expected = CASES[name]
    files = reading(made, hint, reference, window)
    assert checked(write(tmp_path, files)) == expected


def test_the_member_with_the_same_axis_values_is_read(tmp_path: Path) -> None:
    files = reading(makes("int"), BATCHES, "history:one/make.value", **AXES)
    files["two/config.json"] |= AXES
    write(tmp_path, files)
    plans = {found.name: found.plans["training"] for found in resolve(tmp_path / "two")}
    sources = {name: plan.step("make").inputs["value"] for name, plan in plans.items()}
    assert {name: source.name for name, source in sources.items()} == {
        "two-emea": "one-emea", "two-apac": "one-apac",
    }  # fmt: skip
    assert {source.window for source in sources.values()} == {7 * 86_400}


def test_a_family_of_other_members(tmp_path: Path) -> None:
    files = reading(makes("int"), BATCHES, "history:one/make.value", **AXES)
    assert checked(write(tmp_path, files)) == [f"C010 {WHERE}"]


def test_one_member_by_its_name(tmp_path: Path) -> None:
    files = reading(makes("int"), BATCHES, "history:one-emea/make.value", **AXES)
    assert checked(write(tmp_path, files)) == []


def own(reference: str) -> str:
    del reference
    return (
        "from atlas import Batch\n\n\nclass Made(NamedTuple):\n    value: int\n\n\n"
        "class Make(Template):\n    def run(self, value: list[Batch[int]]) -> Made: ...\n"
    )


def test_a_pipeline_doesn_t_wait_for_its_own_earlier_runs(tmp_path: Path) -> None:
    reference = "history:one/make.value"
    files = {**PROJECT, **pipeline("one", own(reference), inputs={"value": reference})}
    files["one/recipe.json"]["steps"]["make"]["window"] = "7d"
    assert checked(write(tmp_path, files)) == []


def test_two_that_read_each_other_s(tmp_path: Path) -> None:
    files = {**PROJECT}
    for name, other in (("one", "two"), ("two", "one")):
        reference = f"history:{other}/make.value"
        files |= pipeline(name, own(reference), inputs={"value": reference})
        files[f"{name}/recipe.json"]["steps"]["make"]["window"] = "7d"
    assert [problem.code for problem in check(write(tmp_path, files)).problems] == ["C011"]


def test_a_reference_is_written_as_it_is_read() -> None:
    reference = Reference.parse("history:prices/features.score.rows")
    assert reference == Reference("history", "prices", "rows", "features.score")
    assert str(reference) == "history:prices/features.score.rows"


def test_a_label_join_can_be_named_as_it_is(tmp_path: Path) -> None:
    made = "import pandas as pd\n\n\n" + makes("pd.DataFrame")
    files = reading(made, "int", "history:one/make.value")
    step = files["two/recipe.json"]["steps"]["make"]
    step |= {
        "class": "atlas.labels:LabelJoin",
        "inputs": {"predictions": "history:one/make.value", "labels": "pipeline:one/make.value"},
        "params": {"key": ["id"], "label": "y", "prediction": "p"},
    }
    assert checked(write(tmp_path, files)) == []
    step["params"] |= {"direction": "up", "tolerence": "1h"}
    assert checked(write(tmp_path, files)) == [
        "R017 recipe.json steps.make.params.direction", "R016 recipe.json steps.make.params.tolerence",
    ]  # fmt: skip


PARAMS = {"key": ["id"], "label": "y", "prediction": "p", "metrics": ["accuracy"]}
WRONG = {
    "nothing": ({}, {}, []),
    "a zone": ({"timezone": "Mars"}, {}, ["R048 recipe.json steps.make.params.timezone"]),
    "another zone": ({"prediction_timezone": "x"}, {}, ["R048 recipe.json steps.make.params.prediction_timezone"]),
    "a tolerance": ({"tolerance": "2 hours"}, {}, ["R048 recipe.json steps.make.params.tolerance"]),
    "no key": ({"key": []}, {}, ["R048 recipe.json steps.make.params.key"]),
    "no predictions": ({"prediction": None}, {}, ["R048 recipe.json steps.make"]),
    "no score": ({"metrics": ["accuracy", "roc_auc"]}, {}, ["R048 recipe.json steps.make.params.metrics[1]"]),
    "a function of scikit-learn": ({"metrics": ["f1_score"]}, {}, []),
    "another label": ({}, {"data": {"d": {"label": "yy"}}}, ["R048 recipe.json steps.make.params.label"]),
    "another time": (
        {"label_time": "t"}, {"data": {"d": {"time": "at"}}}, ["R048 recipe.json steps.make.params.label_time"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_label_join_with(name: str, tmp_path: Path) -> None:
    params, config, expected = WRONG[name]
    made = "import pandas as pd\n\n\n" + makes("pd.DataFrame")
    files = reading(made, "int", "history:one/make.value")
    files["two/make.py"] = "from atlas import LabelJoin\n\n\nclass Make(LabelJoin):\n    pass\n"
    files["two/config.json"] |= config
    given = {name: value for name, value in {**PARAMS, **params}.items() if value is not None}
    files["two/recipe.json"]["steps"]["make"] |= {
        "inputs": {"predictions": "history:one/make.value", "labels": "pipeline:one/make.value"},
        "params": given,
    }
    write(tmp_path, files)
    assert [line for line in checked(tmp_path, "two") if "R048" in line] == expected
