"""Inlining Recipes that are steps, and resolving references through them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.load import Loader, loader_for
from atlas.load.scan import load_configs
from atlas.validate import check
from atlas.validate.flat import Flat
from atlas.validate.flatten import MAX_STEPS, Flattener
from tests.unit.atlas.shop import DROP, checked, shop, told, write

R = "training.json"
F = "features.json"
EMPTY: dict[str, Any] = {"version": 1, "name": "p", "recipes": {"training": "r.json"}}


def flat_of(folder: Path, flow: str = "training") -> tuple[Flat, Loader]:
    loader = loader_for(folder)
    [file] = load_configs(folder, loader)
    found = loader.recipe(file.folder / file.config.recipes[flow])
    assert found
    return Flattener(loader, file).flatten(found, flow), loader


def recipes(**steps_of: Any) -> dict[str, Any]:
    """Return Recipes by file name, `r` the outermost, and their Config."""
    files = {
        f"{name}.json": {"version": 1, "name": name, **content}
        for name, content in steps_of.items()
    }
    return {"pyproject.toml": "[tool.atlas]\n", "config.json": EMPTY, **files}


WRONG = {
    "a step that there isn't": (
        [(R, "steps.train.inputs.rows", "feature.rows")], ["R001 training.json steps.train.inputs.rows"],
    ),
    "a step inside that there isn't": (
        [(R, "steps.train.inputs.rows", "features.tidy.rows")], ["R001 training.json steps.train.inputs.rows"],
    ),
    "a step inside of a class": (
        [(R, "steps.train.inputs.rows", "load.part.rows")], ["R001 training.json steps.train.inputs.rows"],
    ),
    "an output that the Recipe doesn't give": (
        [(R, "steps.train.inputs.rows", "features.table")], ["R002 training.json steps.train.inputs.rows"],
    ),
    "an output of a Recipe that its step hasn't": (
        [(F, "outputs.rows", "clean.table")],
        ["R002 inference.json steps.score.inputs.rows", "R002 training.json steps.train.inputs.rows",
         "R002 training.json steps.evaluate.inputs.rows"],
    ),
    "an output of a Recipe from a step that it hasn't": (
        [(F, "outputs.rows", "tidy.rows")],
        ["R001 features.json outputs.rows", "R001 inference.json steps.score.inputs.rows",
         "R001 training.json steps.train.inputs.rows", "R001 training.json steps.evaluate.inputs.rows"],
    ),
    "an output of a Recipe that is no step's": (
        [(F, "outputs.means", "input.means"), ("config.json", "model.from.means", "features.clean.means")],
        ["R002 features.json outputs.means"],
    ),
    "an input that the Recipe hasn't": (
        [(R, "steps.features.inputs.row", "load.rows")], ["R020 training.json steps.features.inputs.row"],
    ),
    "an input that the Recipe needs": (
        [(R, "steps.features.inputs", {}), (R, "steps.features.after", ["load"])],
        ["R019 training.json steps.features", "R019 features.json steps.clean"],
    ),
    "an inner input that isn't declared": (
        [(F, "steps.clean.inputs.means", "input.mean")], ["R006 features.json steps.clean.inputs.means"],
    ),
    "an input in a Recipe that is no step": (
        [(R, "steps.train.inputs.rows", "input.rows"), (R, "inputs", {"rows": {}})],
        ["R006 training.json steps.train.inputs.rows"],
    ),
    "a parameter that the Recipe hasn't": (
        [(R, "steps.features.params", {"wy": "drop"})], ["R016 training.json steps.features.params.wy"],
    ),
    "a parameter of another type": (
        [(R, "steps.features.params", {"way": 3})],
        ["R034 training.json steps.features.params.way"],
    ),
    "null for a parameter": (
        [(R, "steps.features.params", {"way": None})],
        ["R034 training.json steps.features.params.way"],
    ),
    "a parameter that is none of the choices": (
        [(R, "steps.features.params", {"way": "keep"})],
        ["R034 training.json steps.features.params.way"],
    ),
    "an outer parameter of another type": (
        [(R, "steps.features.params", {"way": {"parameter": "least"}})],
        ["R034 training.json steps.features.params.way"],
    ),
    "a parameter that isn't given": (
        [(F, "parameters.way", {"type": "string"}), ("inference.json", "steps.features.params", {"way": "fill"})],
        ["R018 training.json steps.features"],
    ),
    "after a step that there isn't": (
        [(R, "steps.train.after", ["loud"])], ["R029 training.json steps.train.after[0]"],
    ),
    "a step called data": (
        [(R, "steps.data", {"class": "steps:Load", "inputs": {"source": "data.sales"}})],
        ["R030 training.json steps.data"],
    ),
    "outputs on a Recipe": (
        [(R, "steps.features.outputs", {"rows": {"format": "arrow"}})],
        ["R037 training.json steps.features.outputs"],
    ),
    "a Recipe that isn't there": (
        [(R, "steps.features.recipe", "feature.json")], ["R024 training.json steps.features.recipe"],
    ),
    "a Recipe outside of the project": (
        [(R, "steps.features.recipe", "../features.json")], ["R023 training.json steps.features.recipe"],
    ),
    "a Recipe by an absolute path": (
        [(R, "steps.features.recipe", "/features.json")], ["R023 training.json steps.features.recipe"],
    ),
    "a Recipe whose structure is wrong": (
        [(F, "steps.clean.retries", -1)], ["S005 features.json steps.clean.retries"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_can_t_be_inlined_is_told(name: str, tmp_path: Path) -> None:
    changes, expected = WRONG[name]
    assert sorted(checked(write(tmp_path, shop(*changes)))) == sorted(expected)


def test_steps_are_inlined_under_the_name_of_the_step(tmp_path: Path) -> None:
    flat, _ = flat_of(write(tmp_path, shop()))
    assert list(flat.steps) == ["load", "features.clean", "train", "evaluate"]
    clean = flat.steps["features.clean"]
    assert clean.origin == "features.json"
    assert str(clean.inputs["rows"].source) == "load.rows"
    assert "means" not in clean.inputs, "an optional input that isn't given vanishes"
    assert flat.steps["train"].origin == ""
    assert str(flat.steps["train"].inputs["rows"].source) == "features.clean.rows"
    assert {name: str(one) for name, one in flat.exports.items()} == {
        "features.rows": "features.clean.rows", "features.means": "features.clean.means",
    }  # fmt: skip


def test_an_optional_input_that_is_given(tmp_path: Path) -> None:
    flat, _ = flat_of(write(tmp_path, shop()), "inference")
    assert str(flat.steps["features.clean"].inputs["means"].source) == "model.means"


def test_params_of_a_recipe_that_is_a_step(tmp_path: Path) -> None:
    folder = write(tmp_path, shop())
    training, inference = flat_of(folder)[0], flat_of(folder, "inference")[0]
    params = training.steps["features.clean"].params
    assert (params["way"].kind, params["way"].value) == ("value", "drop")
    assert params["columns"].value == ["size", "age"]
    assert inference.steps["features.clean"].params["way"].value == "fill"


def test_a_reference_into_a_recipe(tmp_path: Path) -> None:
    flat, loader = flat_of(
        write(tmp_path, shop((R, "steps.train.inputs.rows", "features.clean.rows")))
    )
    assert loader.problems == []
    assert str(flat.steps["train"].inputs["rows"].source) == "features.clean.rows"


def test_settings_in_layers(tmp_path: Path) -> None:
    inner = {
        "defaults": {"retries": 2, "env": {"B": "inner", "C": "inner"}},
        "steps": {
            "one": {"class": "s:A"},
            "two": {"class": "s:A", "timeout": "1s", "env": {"C": "two"}},
        },
    }
    outer = {
        "defaults": {"retries": 1, "timeout": "9s", "env": {"A": "outer", "B": "outer"}},
        "steps": {"in": {"recipe": "inner.json", "timeout": "5s", "resources": {"cpu": 2}}},
    }
    flat, _ = flat_of(write(tmp_path, recipes(r=outer, inner=inner)))
    one, two = flat.steps["in.one"], flat.steps["in.two"]
    assert one.settings == {
        "retries": 2, "timeout": "5s", "resources": {"cpu": 2},
        "env": {"A": "outer", "B": "inner", "C": "inner"},
    }  # fmt: skip
    assert two.settings["timeout"] == "1s"
    assert two.settings["env"]["C"] == "two"
    places = [one.setting_place("timeout"), one.setting_place("env", "A"), one.setting_place("env", "B"),
              two.setting_place("env", "C"), two.setting_place("cache")]  # fmt: skip
    assert [(Path(one.document.shown).name, ".".join(map(str, one.at))) for one in places] == [
        ("r.json", "steps.in.timeout"), ("r.json", "defaults.env.A"), ("inner.json", "defaults.env.B"),
        ("inner.json", "steps.two.env.C"), ("inner.json", "steps.two.cache"),
    ]  # fmt: skip


def test_after_a_recipe_is_after_all_of_its_steps(tmp_path: Path) -> None:
    inner = {"steps": {"one": {"class": "s:A"}, "two": {"class": "s:A", "after": ["one"]}}}
    outer = {
        "steps": {
            "first": {"class": "s:A"},
            "in": {"recipe": "inner.json", "after": ["first"]},
            "last": {"class": "s:A", "after": ["in"]},
        }
    }
    flat, _ = flat_of(write(tmp_path, recipes(r=outer, inner=inner)))
    assert {name: step.after for name, step in flat.steps.items()} == {
        "first": (), "in.one": ("first",), "in.two": ("first", "in.one"), "last": ("in.one", "in.two"),
    }  # fmt: skip


def nested(depth: int, width: int = 1) -> dict[str, Any]:
    """Return Recipes in each other: `width` times the next one in each."""
    files = {}
    for level in range(depth):
        inner = {"recipe": f"l{level + 1}.json"} if level < depth - 1 else {"class": "s:A"}
        name = f"l{level}" if level else "r"
        files[name] = {"steps": {f"s{number}": inner for number in range(width)}}
    return recipes(**files)


def test_recipes_in_recipes(tmp_path: Path) -> None:
    flat, loader = flat_of(write(tmp_path, nested(20)))
    assert loader.problems == []
    assert list(flat.steps) == [".".join(["s0"] * 20)]


def test_recipes_too_deep_in_recipes(tmp_path: Path) -> None:
    flat, loader = flat_of(write(tmp_path, nested(40)))
    assert told(loader.problems) == ["R003 l20.json steps.s0.recipe"]
    assert not flat.is_whole


def test_a_thousand_million_steps_in_a_few_lines(tmp_path: Path) -> None:
    flat, loader = flat_of(write(tmp_path, nested(9, 10)))
    assert [one.code for one in loader.problems] == ["R003"]
    assert len(flat.steps) <= MAX_STEPS


def test_after_a_thousand_million_steps(tmp_path: Path) -> None:
    files = nested(9, 10)
    files["r.json"]["steps"]["last"] = {"class": "s:A", "after": [f"s{n}" for n in range(10)]}
    _, loader = flat_of(write(tmp_path, files))
    assert {one.code for one in loader.problems} == {"R003"}


@pytest.mark.parametrize("width", [1, 3])
def test_a_recipe_in_itself(width: int, tmp_path: Path) -> None:
    steps: dict[str, Any] = {f"again{number}": {"recipe": "r.json"} for number in range(width)}
    steps["last"] = {"class": "s:A", "after": list(steps)}
    _, loader = flat_of(write(tmp_path, recipes(r={"steps": steps})))
    assert told(loader.problems) == [
        f"R039 r.json steps.again{number}.recipe" for number in range(width)
    ]


def test_a_recipe_in_itself_through_another(tmp_path: Path) -> None:
    files = recipes(
        r={"steps": {"a": {"recipe": "b.json"}}}, b={"steps": {"c": {"recipe": "r.json"}}}
    )
    _, loader = flat_of(write(tmp_path, files))
    assert told(loader.problems) == ["R039 b.json steps.c.recipe"]


def test_what_is_right_beside_what_is_wrong_is_still_checked(tmp_path: Path) -> None:
    files = shop((R, "steps.train.inputs.rows", "nowhere.rows"), (R, "steps.evaluate.inputs.x", "load.rows"),
                 (R, "steps.train.params.trees", "many"), ("config.json", "steps", DROP))  # fmt: skip
    assert sorted(checked(write(tmp_path, files))) == [
        "R001 training.json steps.train.inputs.rows",
        "R017 training.json steps.train.params.trees",
        "R020 training.json steps.evaluate.inputs.x",
    ]


def test_digests_are_of_everything_that_is_inlined(tmp_path: Path) -> None:
    folder = write(tmp_path, shop())
    before = flat_of(folder)[0].digest
    write(folder, {F: shop((F, "steps.clean.description", "Cleans."))[F]})
    assert flat_of(folder)[0].digest != before


def test_a_recipe_alone(tmp_path: Path) -> None:
    write(tmp_path, shop(("config.json", "", DROP)))
    assert checked(tmp_path, F) == [], "what only a Config could say is left open"
    assert checked(tmp_path, R) == ["R008 training.json steps.train.params.target",
                                    "R008 features.json steps.clean.params.columns"][::-1]  # fmt: skip


def test_a_part_alone_is_checked_for_what_can_be_known(tmp_path: Path) -> None:
    write(tmp_path, shop(("config.json", "", DROP), (F, "steps.clean.inputs.rows", "input.row"),
                         (F, "steps.clean.params.wy", 1)))  # fmt: skip
    assert checked(tmp_path, F) == [
        "R006 features.json steps.clean.inputs.rows", "R016 features.json steps.clean.params.wy",
    ]  # fmt: skip


def test_a_recipe_by_its_configs(tmp_path: Path) -> None:
    write(tmp_path, shop())
    [one] = check(tmp_path / "inference.json").checked
    assert one.file.flows == ("inference",)
    assert one.file.config.name == "shop"
