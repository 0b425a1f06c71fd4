"""References from one pipeline to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.validate import check
from tests.unit.atlas.shop import checked, shop, write

PROJECT = {"pyproject.toml": "[tool.atlas]\n"}
LOCAL = {"version": 1, "targets": {"training": "local"}}


def pipeline(
    name: str, steps: str, *, inputs: dict[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """Return the files of a pipeline with one step `make:Make`, in a folder of its own."""
    recipe = {
        "version": 1,
        "name": name,
        "steps": {"make": {"class": "make:Make", "inputs": inputs or {}}},
    }
    config = {"version": 1, "name": name, "recipes": {"training": "recipe.json"}, **more}
    source = f"from typing import NamedTuple\n\nfrom atlas import Template\n\n\n{steps}"
    return {
        f"{name}/config.json": config,
        f"{name}/recipe.json": recipe,
        f"{name}/make.py": source,
    }


def makes(hint: str, before: str = "") -> str:
    return (
        f"{before}class Made(NamedTuple):\n    value: {hint}\n\n\n"
        "class Make(Template):\n    def run(self) -> Made: ...\n"
    )


def takes(hint: str, before: str = "") -> str:
    return f"{before}class Make(Template):\n    def run(self, value: {hint}) -> None: ...\n"


def two(made: str, reference: str, taken: str, **more: Any) -> dict[str, Any]:
    return {
        **PROJECT,
        **pipeline("one", made, **more),
        **pipeline("two", taken, inputs={"value": reference}),
    }


AXES = {"matrix": {"region": ["emea", "apac"]}}
OWN = "class Thing: ...\n\n\n"
WHERE = "recipe.json steps.make.inputs.value"
CASES = {
    "the same type": (two(makes("int"), "pipeline:one/make.value", takes("int")), []),
    "another type": (two(makes("str"), "pipeline:one/make.value", takes("int")), [f"R012 {WHERE}"]),
    "no such pipeline": (two(makes("int"), "pipeline:on/make.value", takes("int")), [f"C010 {WHERE}"]),
    "no such step": (two(makes("int"), "pipeline:one/mak.value", takes("int")), [f"C010 {WHERE}"]),
    "no such output": (two(makes("int"), "pipeline:one/make.vale", takes("int")), [f"C010 {WHERE}"]),
    "a family": (two(makes("int"), "family:one/make.value", takes("dict[str, int]"), **AXES), []),
    "a family of another type": (
        two(makes("str"), "family:one/make.value", takes("dict[str, int]"), **AXES), [f"R012 {WHERE}"],
    ),
    "a family is a mapping": (
        two(makes("int"), "family:one/make.value", takes("int"), **AXES), [f"R012 {WHERE}"],
    ),
    "one member": (two(makes("int"), "pipeline:one-emea/make.value", takes("int"), **AXES), []),
    "no such member": (
        two(makes("int"), "pipeline:one-emae/make.value", takes("int"), **AXES), [f"C010 {WHERE}"],
    ),
    "a pipeline that is a family": (
        two(makes("int"), "pipeline:one/make.value", takes("int"), **AXES), [f"C010 {WHERE}"],
    ),
    "a family that is a pipeline": (
        two(makes("int"), "family:one/make.value", takes("dict[str, int]")), [f"C010 {WHERE}"],
    ),
    "a member that is no family": (
        two(makes("int"), "family:one-emea/make.value", takes("dict[str, int]"), **AXES), [f"C010 {WHERE}"],
    ),
    "a class of the other folder is another class": (
        two(makes("Thing", OWN), "pipeline:one/make.value", takes("Thing", OWN)), [],
    ),
    "a list of classes of the other folder": (
        two(makes("list[Thing]", OWN), "pipeline:one/make.value", takes("str")), [f"R012 {WHERE}"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_reference_to(name: str, tmp_path: Path) -> None:
    files, expected = CASES[name]
    assert checked(write(tmp_path, files)) == expected


def test_the_project_is_searched_from_one_pipeline(tmp_path: Path) -> None:
    write(tmp_path, two(makes("str"), "pipeline:one/make.value", takes("int")))
    assert checked(tmp_path, "two") == [f"R012 {WHERE}"]
    assert checked(tmp_path, "one") == []


def test_what_is_wrong_elsewhere_isn_t_told_here(tmp_path: Path) -> None:
    files = two(makes("int"), "pipeline:one/make.value", takes("int"))
    files["one/recipe.json"]["steps"]["make"]["params"] = {"strange": 1}
    write(tmp_path, files)
    assert checked(tmp_path, "two") == []
    assert checked(tmp_path) == ["R016 recipe.json steps.make.params.strange"]


def both(first: str, second: str) -> dict[str, Any]:
    source = (
        "class Made(NamedTuple):\n    value: int\n\n\n"
        "class Make(Template):\n    def run(self, value: int) -> Made: ...\n"
    )
    return {
        **PROJECT,
        **pipeline("one", source, inputs={"value": first}),
        **pipeline("two", source, inputs={"value": second}),
    }


def test_pipelines_that_wait_for_each_other(tmp_path: Path) -> None:
    files = both("pipeline:two/make.value", "pipeline:one/make.value")
    [problem] = check(write(tmp_path, files)).problems
    assert problem.code == "C011"
    assert problem.message == (
        "the pipelines wait for each other: one training → two training → one training"
    )


def test_a_pipeline_that_waits_for_itself(tmp_path: Path) -> None:
    files = {
        **PROJECT,
        **pipeline(
            "one",
            "class Made(NamedTuple):\n    value: int\n\n\nclass Make(Template):\n    def run(self, value: int) -> Made: ...\n",
            inputs={"value": "pipeline:one/make.value"},
        ),
    }
    assert checked(write(tmp_path, files)) == ["C011 config.json name"]


def test_the_other_flow_of_the_same_pipeline_is_no_circle(tmp_path: Path) -> None:
    files = shop(
        ("inference.json", "steps.score.inputs.model", "pipeline:shop/train.model"),
    )
    assert checked(write(tmp_path, files)) == []


def test_a_recipe_alone_may_name_pipelines(tmp_path: Path) -> None:
    files = {
        **PROJECT,
        **pipeline("two", takes("int"), inputs={"value": "pipeline:one/make.value"}),
    }
    del files["two/config.json"]
    assert checked(write(tmp_path, files), "two/recipe.json") == [f"C010 {WHERE}"]
