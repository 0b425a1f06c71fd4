"""Configs that extend others, and the project's globals: what is merged, refused, and told where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import AtlasError
from atlas.load import load_configs, loader_for, origins
from atlas.load.config_layers import merge_configs
from atlas.plan import Pipeline, resolve
from atlas.validate import check
from atlas.validate.code import code_files

STEPS = """
from atlas import Template


class A(Template):
    rate: float = 1.0
    names: list[str] | None = None

    def run(self) -> None: ...
"""
BASE: dict[str, Any] = {
    "version": 1,
    "abstract": True,
    "recipes": {"training": "shop/training.json"},
    "features": {"names": ["x"]},
    "schedule": {"training": {"cron": "0 3 * * *", "timezone": "UTC", "start": "2026-01-01"}},
}
CHILD: dict[str, Any] = {"version": 1, "name": "shop", "extends": "../base.json"}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    params = {"rate": {"parameter": "rate"}, "names": {"feature": "names"}}
    write("pyproject.toml", "[tool.atlas]\n")
    write("shop/steps.py", STEPS)
    write(
        "shop/training.json",
        {
            "version": 1, "name": "t", "flow": "training",
            "parameters": {"rate": {"type": "number", "default": 0.5, "maximum": 1}},
            "steps": {"a": {"class": "steps:A", "params": params}},
        },
    )  # fmt: skip
    write("base.json", BASE)
    write("shop/config.json", CHILD)
    return tmp_path


def write(name: str, content: Any) -> None:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))


def config(**fields: Any) -> None:
    write("shop/config.json", {**CHILD, **fields})


def told(path: str = ".") -> list[str]:
    return [f"{one.code} {one.file}:{one.line} {one.path}" for one in check(Path(path)).problems]


def only(path: str = ".") -> Pipeline:
    (pipeline,) = resolve(Path(path))
    return pipeline


def digest() -> str:
    return only().plans["training"].digest


def test_a_child_has_all_of_its_base_and_the_digest_of_the_same_written_whole() -> None:
    assert told() == []
    merged = digest()
    whole = {key: value for key, value in BASE.items() if key != "abstract"}
    write("shop/config.json", {**whole, "name": "shop", "recipes": {"training": "training.json"}})
    assert digest() == merged


def test_objects_merge_at_every_depth_null_removes_and_lists_replace() -> None:
    base = {"a": {"b": {"c": 1, "d": 2}, "e": [1, 2]}, "f": 3, "g": {"h": 1}}
    child = {"a": {"b": {"c": None, "x": 5}, "e": [9]}, "f": None, "extends": "b.json"}
    expected = {"a": {"b": {"d": 2, "x": 5}, "e": [9]}, "g": {"h": 1}}
    assert merge_configs(base, child, "/p", "/p") == expected


def test_null_is_a_value_in_params_and_removes_a_step() -> None:
    base = {"steps": {"a": {"params": {"x": 1, "y": 2}}, "b": {"class": "s:B"}}}
    child = {"steps": {"a": {"params": {"x": None}}, "b": None}}
    merged = merge_configs(base, child, "/p", "/p")
    assert merged == {"steps": {"a": {"params": {"x": None, "y": 2}}}}


def test_what_a_base_has_for_itself_is_not_inherited() -> None:
    base = {"$schema": "s", "version": 1, "name": "base", "abstract": True, "description": "d"}
    assert merge_configs(base, {"name": "x"}, "/p", "/p") == {"description": "d", "name": "x"}


def test_recipes_of_a_base_count_from_its_own_folder() -> None:
    write("other/configs/base.json", {**BASE, "recipes": {"training": "../shop/training.json"}})
    config(extends="../other/configs/base.json")
    assert told() == []
    assert only().folder.name == "shop"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"schedule": {"inference": None}}, "C049 shop/config.json:6 schedule.inference"),
        ({"schedul": None}, "C049 shop/config.json:5 schedul"),
        ({"extends": "../bas.json"}, "C050 shop/config.json:4 extends"),
        ({"extends": "training.json"}, "C050 shop/config.json:4 extends"),
        ({"extends": "config.json"}, "C048 shop/config.json:4 extends"),
        ({"extends": "../../base.json"}, "R023 shop/config.json:4 extends"),
        ({"extends": "/base.json"}, "R023 shop/config.json:4 extends"),
        ({"extends": 5}, "S003 shop/config.json:4 extends"),
        ({"recipes": None}, "S002 shop/config.json:1 recipes"),
        ({"parameters": {"rate": 7}}, "R034 shop/config.json:6 parameters.rate"),
    ],
    ids=["removed", "misspelt", "missing", "recipe", "itself", "outside", "absolute", "number",
         "no-recipes", "bounds"],
)  # fmt: skip
def test_what_a_child_may_not_do(fields: dict[str, Any], expected: str) -> None:
    config(**fields)
    assert expected.removesuffix(" recipes") in [line.removesuffix(" ") for line in told()]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"promotio": {}}, "S001 base.json:19 promotio"),
        ({"parameters": {"rate": 7}}, "R034 base.json:20 parameters.rate"),
        ({"steps": {"b": {"class": "steps:A"}}}, "C002 base.json:20 steps.b"),
    ],
    ids=["unknown", "bounds", "step"],
)
def test_a_problem_of_a_base_is_told_once_where_it_stands(
    fields: dict[str, Any], expected: str
) -> None:
    write("base.json", {**BASE, **fields})
    write("shop/configs/two.json", {**CHILD, "name": "two", "extends": "../../base.json"})
    assert told() == [expected]


def test_a_cycle_over_two_is_told_with_its_way() -> None:
    write("base.json", {**BASE, "extends": "shop/config.json"})
    (problem,) = check(Path()).problems
    assert (problem.code, problem.file) == ("C048", "base.json")
    assert "shop/config.json → base.json → shop/config.json" in problem.message


def test_at_most_twenty_in_a_row() -> None:
    for number in range(25):
        write(f"b{number}.json", {"version": 1, "abstract": True, "extends": f"b{number + 1}.json"})
    write("b25.json", BASE)
    config(extends="../b0.json")
    assert [line[:4] for line in told()] == ["C048"]


def test_a_base_may_be_a_pipeline_and_stand_among_the_configs() -> None:
    write("shop/configs/base.json", {**BASE, "recipes": {"training": "training.json"}})
    config(extends="configs/base.json")
    write("shop/configs/next.json", {**CHILD, "name": "next", "extends": "../config.json"})
    assert told() == []
    assert [pipeline.name for pipeline in resolve(Path())] == ["shop", "next"]


def test_only_a_base_is_no_pipeline() -> None:
    assert told("base.json") == ["C051 base.json:3 abstract"]
    write("shop/config.json", {**BASE, "recipes": {"training": "training.json"}})
    assert [line[:4] for line in told("shop")] == ["C051"]


@pytest.mark.parametrize("path", ["shop/config.json", "shop", "shop/training.json"])
def test_a_child_is_found_by_any_path(path: str) -> None:
    assert only(path).name == "shop"


def test_a_config_elsewhere_is_known_by_its_base() -> None:
    write("shop/mine.json", {**CHILD, "parameters": {"rate": 0.1}})
    assert only("shop/mine.json").plans["training"].parameters["rate"].default == 0.1


def test_bases_are_no_code_of_a_pipeline() -> None:
    write("shop/base.json", {**BASE, "recipes": {"training": "training.json"}})
    config(extends="base.json")
    names = [file.name for file in code_files(Path("shop").absolute())]
    assert names == ["steps.py"]
    before = digest()
    write("shop/base.json", {**BASE, "recipes": {"training": "training.json"}, "description": "d"})
    assert digest() == before


def test_another_tools_config_with_extends_is_passed_over() -> None:
    write("other/config.json", {"extends": ["x:recommended"]})
    assert [line[:23] for line in told()] == ["N006 other/config.json:"]


def test_globals_reach_the_pipelines_that_use_them_and_no_other() -> None:
    before = digest()
    write("globals.json", {"version": 1, "parameters": {"lr": 5}, "features": {"cities": ["a"]}})
    assert digest() == before
    write("globals.json", {"version": 1, "parameters": {"rate": 0.25, "lr": 5}})
    assert only().plans["training"].parameters["rate"].default == 0.25
    config(parameters={"rate": 0.75})
    assert only().plans["training"].parameters["rate"].default == 0.75


def test_a_config_wins_over_globals_and_null_takes_one_away() -> None:
    write("base.json", {key: value for key, value in BASE.items() if key != "features"})
    write("globals.json", {"version": 1, "features": {"names": ["g"]}})
    assert only().plans["training"].step("a").params["names"].value == ["g"]
    config(features={"names": None})
    assert told() == ["R008 shop/training.json:19 steps.a.params.names"]
    config(features={"name": None})
    assert told() == ["C049 shop/config.json:6 features.name"]


def test_problems_of_globals_stand_in_them() -> None:
    write("globals.json", {"version": 1, "parameters": {"rate": 7}})
    assert told() == ["R034 globals.json:4 parameters.rate"]
    write("globals.json", {"version": 1, "paramters": {}})
    assert told() == ["S001 globals.json:3 paramters"]


def test_where_each_value_stands() -> None:
    config(parameters={"rate": 0.75}, schedule={"training": {"cron": "0 4 * * *"}})
    loader = loader_for(Path())
    (file,) = load_configs(Path(), loader)
    found = {one.path: (one.value, one.file) for one in origins(file.document)}
    assert found["schedule.training.cron"] == ("0 4 * * *", "shop/config.json")
    assert found["schedule.training.timezone"] == ("UTC", "base.json")
    assert found["recipes.training"] == ("training.json", "base.json")
    assert "extends" not in found


def test_a_broken_base_is_an_error_of_the_child() -> None:
    write("base.json", "{")
    with pytest.raises(AtlasError, match=r"base\.json"):
        resolve(Path())
    write("base.json", "[]")
    assert [line[:15] for line in told()] == ["S003 base.json:"]
