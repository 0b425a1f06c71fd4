"""Functions as steps: the same params, inputs and outputs from the source, imported, and run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import atlas
from atlas import Context
from atlas.builder.words import class_name
from atlas.functions import is_step
from atlas.functions import step as marked
from atlas.step import code
from atlas.step.functions import template_of
from atlas.step.imported import import_problems
from atlas.validate import check

HEAD = """
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypedDict
import pandas as pd
from atlas import Bounds, Context, Data, step
"""
BOTH = "\nclass Both(NamedTuple):\n    left: int\n    right: str\n"
RECORD = "\n@dataclass\nclass Both:\n    left: int\n    right: str\n"
DICT = "\nclass Both(TypedDict):\n    left: int\n    right: str\n"
FUNCTIONS = {
    "a value": ("def f(x: int) -> int: ...", {"x": "int"}, {}, {"value": "int"}),
    "a table": (
        "def f(x: pd.DataFrame) -> pd.DataFrame: ...",
        {"x": "pandas.DataFrame"}, {}, {"value": "pandas.DataFrame"},
    ),
    "params": (
        "def f(x: int, *, a: float, b: Annotated[int, Bounds(1, 3)] = 2) -> None: ...",
        {"x": "int"}, {"a": "float", "b": "int (with a default)"}, {},
    ),
    "an optional input": (
        "def f(x: int, y: str | None = None) -> int: ...",
        {"x": "int", "y": "str | None (with a default)"}, {}, {"value": "int"},
    ),
    "a record": (BOTH + "@step\ndef f() -> Both: ...", {}, {}, {"left": "int", "right": "str"}),
    "a dataclass": (RECORD + "@step\ndef f() -> Both: ...", {}, {}, {"left": "int", "right": "str"}),
    "a dict": (DICT + "@step\ndef f() -> Both: ...", {}, {}, {"left": "int", "right": "str"}),
    "a record below": (
        "def f() -> 'Both': ...\n" + BOTH, {}, {}, {"left": "int", "right": "str"},
    ),
    "the context": (
        "def f(x: int, *, context: Context) -> int: ...", {"x": "int"}, {}, {"value": "int"},
    ),
    "data": ("def f(source: Data) -> list[int]: ...",
             {"source": "atlas.template.Data"}, {}, {"value": "list[int]"}),
    "no hints": ("def f(x, *, a=1) -> Any: ...",
                 {"x": "Any"}, {"a": "Any (with a default)"}, {"value": "Any"}),
    "a list of a class": (BOTH + "@step\ndef f() -> list[Both]: ...", {}, {},
                          {"value": "list[steps.Both]"}),
}  # fmt: skip


def write(folder: Path, source: str, **step: Any) -> Path:
    (folder / "pyproject.toml").write_text("[tool.atlas]\n")
    place = folder / "p"
    place.mkdir()
    text = source if "@step" in source else f"\n@step\n{source}"
    (place / "steps.py").write_text(HEAD + text)
    recipe = {"version": 1, "name": "r", "steps": {"f": {"class": "steps:f", **step}}}
    (place / "training.json").write_text(json.dumps(recipe))
    config = {"version": 1, "name": "p", "recipes": {"training": "training.json"}}
    (place / "config.json").write_text(json.dumps(config))
    return place


def described(fields: Any) -> dict[str, str]:
    return {
        name: f"{one.type}{'' if one.required else ' (with a default)'}"
        for name, one in fields.items()
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_source_and_import_say_the_same(tmp_path: Path, name: str) -> None:
    source, inputs, params, outputs = FUNCTIONS[name]
    report = check(write(tmp_path, source))
    read = report.checked[0].subjects["training"].signatures["f"]
    assert described(read.inputs) == inputs
    assert described(read.params) == params
    assert {key: str(kind) for key, kind in (read.outputs or {}).items()} == outputs
    assert [one for one in import_problems(report) if one.code in ("I003", "I004", "I005")] == []


WRONG = {
    "no mark": ("import pandas as step\ndef f() -> int: ...", "R013"),
    "no return hint": ("def f(): ...", "R031"),
    "async": ("async def f() -> int: ...", "R036"),
    "an input that nobody gives": ("def f(x: int) -> int: ...", "R019"),
    "a param that nobody gives": ("def f(*, x: int) -> int: ...", "R018"),
    "a name that isn't defined": ("def f() -> np.ndarray: ...", "R049"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_functions(tmp_path: Path, name: str) -> None:
    source, expected = WRONG[name]
    folder = write(tmp_path, source)
    if name == "no mark":
        (folder / "steps.py").write_text("def f() -> int: ...\n")
    assert [one.code for one in check(folder).errors] == [expected]


@marked
def scaled(number: int, extra: int = 0, *, factor: int = 2, names: list[str] = []) -> int:  # noqa: B006
    """Scale a number."""
    names.append("seen")
    return number * factor + extra


@marked
def told(number: int, *, context: Context) -> None:
    context.metric("number", number)


def test_a_function_stays_one() -> None:
    assert scaled(3) == 6
    assert scaled.__doc__ == "Scale a number."
    assert is_step(scaled)
    assert not is_step(lambda: 1)
    assert class_name(scaled).endswith("test_functions:scaled")


def test_a_function_as_a_template() -> None:
    cls = template_of(scaled)
    assert cls.__doc__ == "Scale a number."
    assert cls(factor=5).run(2, extra=1).value == 11
    assert cls().names is not cls.names
    with pytest.raises(TypeError, match="unknown param 'facto'"):
        cls(facto=3)


def test_the_context_is_handed_on() -> None:
    metrics: dict[str, float] = {}
    template_of(told)(context=Context(metric=metrics.__setitem__)).run(3)
    assert metrics == {"number": 3}


def test_the_decorator_is_the_package() -> None:
    assert atlas.step is sys.modules["atlas.step"]
    assert is_step(atlas.step(lambda: 1))
    with pytest.raises(AttributeError, match="has no attribute 'steps'"):
        _ = atlas.steps


@pytest.mark.parametrize("source", ["def f(*, run: int): ...", "def f(*, _x: int = 1): ..."])
def test_params_that_no_step_can_have(source: str) -> None:
    names: dict[str, Any] = {}
    exec(source, names)
    with pytest.raises(TypeError, match="a param can't be called"):
        marked(names["f"])


def test_only_functions_are_steps() -> None:
    with pytest.raises(TypeError, match="stands above a function"):
        marked(int)  # type: ignore[type-var]


def test_an_unmarked_function_can_not_be_loaded(tmp_path: Path) -> None:
    folder = write(tmp_path, "def f() -> int: ...\ndef g() -> int: ...")
    code.mount("functions", folder)
    try:
        assert code.load_class("functions", "steps:f").__name__ == "f"
        with pytest.raises(AttributeError, match="steps:g isn't a class"):
            code.load_class("functions", "steps:g")
    finally:
        code.unmount("functions")
