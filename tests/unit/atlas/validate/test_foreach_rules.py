"""What runs once per key: lists, combinations, and Recipes as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.plan import Foreach, InputSource, PlanStep, resolve
from atlas.plan.blocks import blocks
from atlas.plan.plain import plain
from atlas.validate import check
from tests.unit.atlas.shop import checked, told, write

SOURCE = """
from typing import NamedTuple
from atlas import Template

class Lists(NamedTuple):
    names: list[str]
    sizes: list[int]
    count: int

class List(Template):
    def run(self, texts: list[str] | None = None) -> Lists:
        return Lists([], [], 0)

class Text(NamedTuple):
    text: str

class Pair(Template):
    def run(self, name: str, size: int) -> Text:
        return Text("")

class Tell(Template):
    def run(self, text: str) -> Text:
        return Text(text)

class Gather(Template):
    def run(self, texts: list[str]) -> Text:
        return Text("")
"""
PART: dict[str, Any] = {
    "version": 1,
    "name": "part",
    "inputs": {"name": {}, "size": {}, "more": {"optional": True}},
    "outputs": {"text": "tell.text"},
    "steps": {
        "pair": {"class": "steps:Pair", "inputs": {"name": "input.name", "size": "input.size"}},
        "tell": {"class": "steps:Tell", "inputs": {"text": "pair.text"}},
    },
}
BOTH = {"name": "list.names", "size": "list.sizes"}
PAIR = {"class": "steps:Pair", "foreach": BOTH}
EACH = {"recipe": "part.json", "foreach": BOTH}


def project(folder: Path, each: dict[str, Any], part: dict[str, Any] = PART, **more: Any) -> Path:
    """Write a pipeline: a list, a step for each of it, and what gathers that."""
    steps = {
        "list": {"class": "steps:List"},
        "each": each,
        "gather": {"class": "steps:Gather", "inputs": {"texts": "each.text"}},
        **more,
    }
    recipe = {"version": 1, "name": "r", "flow": "training", "steps": steps}
    write(
        folder,
        {
            "pyproject.toml": "[tool.atlas]\n",
            "config.json": {"version": 1, "name": "p", "recipes": {"training": "r.json"}},
            "r.json": recipe,
            "part.json": part,
            "steps.py": SOURCE,
        },
    )
    return folder


def changed(name: str, **fields: Any) -> dict[str, Any]:
    """Return the inner Recipe with one of its steps changed."""
    steps = {**PART["steps"], name: {**PART["steps"][name], **fields}}
    return {**PART, "steps": steps}


WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "combinations that the documents give and that are too many": (
        {"class": "steps:Pair", "after": ["list"],
         "foreach": {"name": list(map(str, range(400))), "size": [1, 2, 3]}}, PART,
        ["R027 r.json steps.each.foreach.name"],
    ),
    "a second list that is none": (
        {**PAIR, "foreach": {**BOTH, "size": "list.count"}}, PART,
        ["R027 r.json steps.each.foreach.size"],
    ),
    "a second list of another type": (
        {**PAIR, "foreach": {**BOTH, "size": "list.names"}}, PART,
        ["R012 r.json steps.each.foreach.size"],
    ),
    "a second list that run doesn't take": (
        {**PAIR, "foreach": {**BOTH, "place": ["a"]}}, PART, ["R020 r.json steps.each.foreach.place"],
    ),
    "keys of another type in a Recipe": (
        {**EACH, "foreach": {"name": [1, 2], "size": "list.sizes"}}, PART,
        ["R012 r.json steps.each.foreach.name"],
    ),
    "a list for a Recipe that is none": (
        {**EACH, "foreach": {**BOTH, "size": "list.count"}}, PART,
        ["R027 r.json steps.each.foreach.size"],
    ),
    "a key that a Recipe has no input for": (
        {**EACH, "foreach": {**BOTH, "place": ["a"]}}, PART, ["R020 r.json steps.each.foreach.place"],
    ),
    "an input of a Recipe that is a key too": (
        {**EACH, "inputs": {"size": "list.count"}}, PART, ["R028 r.json steps.each.inputs.size"],
    ),
    "an input of a Recipe that is neither": (
        {**EACH, "foreach": {"name": "list.names"}}, PART,
        ["R019 part.json steps.pair", "R019 r.json steps.each"],
    ),
    "foreach inside": (
        EACH, changed("tell", foreach={"more": ["a"]}), ["R057 part.json steps.tell.foreach"],
    ),
    "a condition inside": (
        EACH, changed("tell", when={"step": "pair.text", "is": "a"}), ["R057 part.json steps.tell.when"],
    ),
    "one of several inside": (
        EACH, changed("tell", inputs={"text": {"one_of": ["pair.text", "input.name"]}}),
        ["R057 part.json steps.tell.inputs.text"],
    ),
    "a search inside": (
        EACH, changed("tell", search={"space": {"size": {"low": 1, "high": 2}}, "metric": "length", "trials": 2}),
        ["R057 part.json steps.tell.search"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(name, tmp_path):
    each, part, expected = WRONG[name]
    assert [one for one in checked(project(tmp_path, each, part)) if "N005" not in one] == expected


@pytest.mark.parametrize("each", [PAIR, EACH], ids=["class", "recipe"])
def test_what_is_right(each, tmp_path):
    assert [one for one in checked(project(tmp_path, each)) if "N005" not in one] == []


def test_a_recipe_that_waits_for_itself(tmp_path):
    part = {
        **PART,
        "outputs": {"text": "tell.text", "pairs": "pair.text"},
        "steps": {
            "pair": PART["steps"]["pair"],
            "tell": {"class": "steps:Tell", "inputs": {"text": "input.more"}},
        },
    }
    between = {"class": "steps:Gather", "inputs": {"texts": "each.pairs"}}
    each = {**EACH, "inputs": {"more": "between.text"}}
    [problem] = check(project(tmp_path, each, part, between=between)).problems
    assert told([problem]) == ["R010 part.json steps.pair"]
    assert "'each' runs once per key as a whole" in problem.message
    assert problem.found == "between → each → between"


def test_steps_of_one_recipe_are_one_block(tmp_path):
    (pipeline,) = resolve(project(tmp_path, EACH))
    plan = pipeline.plans["training"]
    names = [tuple(step.name for step in block) for block in blocks(plan)]
    assert names == [("list",), ("each.pair", "each.tell"), ("gather",)]
    tell = plan.step("each.tell")
    assert tell.inputs["text"] == InputSource("step", "each.pair", "text", same_key=True)
    assert plan.step("each.pair").inputs["size"] == InputSource("key", "size")
    assert tell.foreach.group == "each"
    assert tell.upstream() == ("each.pair", "list")
    assert type(plan).from_json(plan.to_json()) == plan


def test_one_list_is_written_as_before():
    keys = InputSource("step", "list", "names")
    step = PlanStep("each", "steps:Each", foreach=Foreach((("name", keys),)))
    assert plain(step)["foreach"] == ["name", {"kind": "step", "name": "list", "output": "names"}]
