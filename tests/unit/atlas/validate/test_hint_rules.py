"""Names that hints use and nobody has defined, and constructors that take no params."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.validate import check
from tests.unit.atlas.shop import checked, write

PROJECT = {"pyproject.toml": "[tool.atlas]\n"}
RECIPE = {
    "version": 1, "name": "r", "flow": "training", "steps": {"make": {"class": "steps:Make"}},
}  # fmt: skip
CONFIG = {"version": 1, "name": "r", "recipes": {"training": "recipe.json"}}
FRAME = "from typing import NamedTuple\nfrom atlas import Template\n{}\nclass Out(NamedTuple):\n    value: int\n"
MAKE = "class Make(Template):\n{}\n    def run(self) -> Out:\n        return Out(1)\n"


def problems(tmp_path: Path, text: str) -> list[str]:
    files = {**PROJECT, "p/recipe.json": RECIPE, "p/config.json": CONFIG, "p/steps.py": text}
    found = checked(write(tmp_path, files))
    return [line.split(" ")[0] for line in found]


def module(above: str = "", inside: str = "") -> str:
    return FRAME.format(above) + MAKE.format(inside)


UNDEFINED = {
    "a param's": module(inside="    rows: pd.DataFrame = None"),
    "an argument's": module(inside="    def other(self, rows: pd.DataFrame): ..."),
    "of a keyword argument": module(inside="    def other(self, *, rows: pd.DataFrame): ..."),
    "a return's": module(inside="    def other(self) -> pd.DataFrame: ..."),
    "within a type": module(inside="    rows: list[pd.DataFrame] | None = None"),
    "in quotes": module(inside="    rows: 'pd.DataFrame' = None"),
    "quoted within": module(inside='    rows: list["pd.DataFrame"] = ()'),
    "a function's beside it": module("def other(rows: pd.DataFrame): ..."),
    "a base": module("class Other(pd.DataFrame): ..."),
    "a decorator": module("@pd.cached\ndef other(): ..."),
    "a called decorator": module("@pd.cached('text')\ndef other(): ..."),
    "although not evaluated": "from __future__ import annotations\n"
    + module(inside="    rows: pd.DataFrame = None"),
}
DEFINED = {
    "imported": module("import pandas as pd", "    rows: pd.DataFrame | None = None"),
    "imported for checkers": module(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas as pd",
        "    rows: 'pd.DataFrame' = None",
    ),
    "imported in a try": module(
        "try:\n    import pandas as pd\nexcept ImportError:\n    pd = None", "    x: pd.A = None"
    ),
    "imported in a loop": module("for _ in '1':\n    import pandas as pd", "    x: pd.A = None"),
    "everything is imported": module("from pandas import *", "    rows: DataFrame = None"),
    "defined below": module(inside="    rows: 'Later' = None") + "class Later: ...\n",
    "in the class": module(inside="    Rows = int\n    rows: Rows = 1"),
    "a type variable": module(
        "from typing import TypeVar\nT = TypeVar('T')", "    x: list[T] = ()"
    ),
    "made by text": module("exec('pd = 1')", "    x: pd.A = None"),
    "a literal's text": module("from typing import Literal as L", "    x: L['pd'] = 'pd'"),
    "another type's text": module(
        "from numpy import typing as t", "    x: t.Of['pd', 'no go'] = 1"
    ),
    "an annotation's text": module(
        "from typing import Annotated as A", "    x: A[int, 'pd is short'] = 1"
    ),
    "within a function": module("def other():\n    x: pd.DataFrame = None"),
    "no syntax": module(inside="    x: 'no type at all' = 1"),
    "a module's own": module(inside="    x: 'list[__name__]' = ()"),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_a_name_that_is_not_defined(tmp_path: Path, name: str) -> None:
    assert "R049" in problems(tmp_path, UNDEFINED[name])


@pytest.mark.parametrize("name", ["Dict", "FrozenSet", "List", "Set", "Tuple", "Type"])
def test_an_alias_of_typing_that_is_not_imported_names_the_built_in_type(
    tmp_path: Path, name: str
) -> None:
    files = {**PROJECT, "p/recipe.json": RECIPE, "p/config.json": CONFIG}
    text = module().replace("    value: int\n", f"    value: {name}[str]\n")
    found = check(write(tmp_path, {**files, "p/steps.py": text})).problems
    hint = f"write `{name.lower()}`, or add `from typing import {name}`"
    assert [one.hint for one in found if one.code == "R049"] == [hint]


@pytest.mark.parametrize("name", DEFINED)
def test_a_name_that_is_defined(tmp_path: Path, name: str) -> None:
    assert "R049" not in problems(tmp_path, DEFINED[name])


CONSTRUCTORS = {
    "none": ("    depth: int = 3", []),
    "without params": ("    def __init__(self): ...", ["R050"]),
    "of its own params": ("    def __init__(self, depth=3): ...", ["R050"]),
    "that hands on": (
        "    def __init__(self, **params):\n        super().__init__(**params)", [],
    ),
    "that takes all": ("    depth: int = 3\n    def __init__(self, *, context=None, depth=3): ...", []),
    "that lacks one": ("    depth: int = 3\n    def __init__(self, *, context=None): ...", ["R050"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_a_constructor(tmp_path: Path, name: str) -> None:
    inside, expected = CONSTRUCTORS[name]
    assert problems(tmp_path, module(inside=inside)) == expected


def test_an_inherited_constructor(tmp_path: Path) -> None:
    base = "class Base(Template):\n    def __init__(self): ..."
    text = module(base).replace("class Make(Template)", "class Make(Base)")
    assert problems(tmp_path, text) == ["R050"]
