"""What params stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.config import Config
from atlas.load import Document
from atlas.validate.flat import DocumentPath, Param
from atlas.validate.params import Params
from tests.unit.atlas.shop import SHOP

HERE = DocumentPath(Document(Path("r.json"), "r.json", {}), ())
CONFIG = Config.parse(
    {**SHOP["config.json"], "features": {"a": {"b": 1}, "a.b": 2}, "matrix": {"axis": ["x"]}}
)


def resolve(raw: Any, **more: Any) -> tuple[str, Any, list[str]]:
    problems: list[Any] = []
    bound = {"way": Param("parameter", "outer", HERE)}
    params = Params(CONFIG, {"least": None}, bound, problems, **more)
    found = params.resolve(raw, HERE)
    return found.kind, found.value, [one.code for one in problems]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (3, ("value", 3)),
        (None, ("value", None)),
        ({}, ("value", {})),
        ([{"parameter": "x"}], ("value", [{"parameter": "x"}])),
        ({"parameter": "x", "more": 1}, ("value", {"parameter": "x", "more": 1})),
        ({"literal": {"parameter": "x"}}, ("value", {"parameter": "x"})),
        ({"literal": None}, ("value", None)),
        ({"parameter": "least"}, ("parameter", "least")),
        ({"parameter": "way"}, ("parameter", "outer")),
        ({"feature": "a.b"}, ("value", 2)),
        ({"feature": "a"}, ("value", {"b": 1})),
        ({"axis": "axis"}, ("axis", "axis")),
        ({"run": "id"}, ("run", "id")),
        ({"run": "interval_start"}, ("run", "interval_start")),
    ],
)
def test_what_a_param_stands_for(raw: Any, expected: tuple[str, Any]) -> None:
    assert resolve(raw) == (*expected, [])


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ({"parameter": "most"}, "R007"), ({"parameter": 3}, "R007"), ({"parameter": None}, "R007"),
        ({"parameter": ["least"]}, "R007"), ({"parameter": {"least": 1}}, "R007"),
        ({"feature": "b"}, "R008"), ({"feature": "a.c"}, "R008"), ({"feature": "a.b.c"}, "R008"),
        ({"feature": ""}, "R008"), ({"feature": 3}, "R008"), ({"feature": None}, "R008"),
        ({"feature": ["a"]}, "R008"), ({"feature": True}, "R008"),
        ({"axis": "region"}, "R009"), ({"axis": ["axis"]}, "R009"), ({"axis": {}}, "R009"),
        ({"run": "start"}, "R038"), ({"run": []}, "R038"), ({"run": {"id": 1}}, "R038"), ({"run": None}, "R038"),
    ],
)  # fmt: skip
def test_what_stands_for_nothing(raw: Any, code: str) -> None:
    kind, _, codes = resolve(raw)
    assert (kind, codes) == ("open", [code])


@pytest.mark.parametrize("raw", [{"feature": "nothing"}, {"axis": "nothing"}])
def test_a_recipe_checked_alone_leaves_it_open(raw: Any) -> None:
    kind, _, codes = resolve(raw, is_open=True)
    assert (kind, codes) == ("open", [])


def test_a_parameter_may_be_called_true() -> None:
    problems: list[Any] = []
    params = Params(CONFIG, {"True": None}, {}, problems)
    assert params.resolve({"parameter": True}, HERE).kind == "open"
    assert [one.code for one in problems] == ["R007"]
