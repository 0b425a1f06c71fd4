"""Searches that can't be right are found before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from atlas.validate import check

SOURCE = """
from typing import Annotated
from atlas import Bounds, Evaluator, RowEvaluator

class Rows(NamedTuple):
    rows: list[float]

class Model(NamedTuple):
    model: dict[str, float]

class Load(Template):
    def run(self) -> Rows:
        return Rows([1.0])

class Train(Template):
    x: Annotated[float, Bounds(-10, 10)]
    depth: int = 2
    kind: str = "a"
    def run(self, rows: list[float]) -> Model:
        self.context.metric("own", 1.0)
        return Model({})

class Wrong(NamedTuple):
    result: int

class Clashes(Train):
    def run(self, rows: list[float]) -> Wrong:
        return Wrong(1)

class Evaluate(Evaluator):
    weight: float = 1.0
    def evaluate(self, model: dict[str, float], rows: list[float]) -> dict[str, float]:
        return {"loss": 1.0}

class Computes(Evaluator):
    def evaluate(self, model: dict[str, float], rows: list[float]) -> dict[str, float]:
        return {f"{name}": 1.0 for name in model}

class TakesText(Evaluator):
    def evaluate(self, model: str, rows: list[float]) -> dict[str, float]:
        return {"loss": 1.0}
"""
EVALUATE = {"class": "steps:Evaluate", "inputs": {"rows": "load.rows"}}
X = {"x": {"low": -1, "high": 1}}


def problems(project, search: dict[str, Any], **step: Any) -> list[tuple[str, str]]:
    own = {"space": X, "metric": "loss", "goal": "minimize", "evaluate": EVALUATE, **search}
    train = {"class": "steps:Train", "inputs": {"rows": "load.rows"}, **step}
    given = {name: value for name, value in own.items() if value is not None}
    steps = {"load": {"class": "steps:Load"}, "train": {**train, "search": given}}
    use = {"class": "steps:Evaluate", "inputs": {"model": "train.model", "rows": "load.rows"}}
    project.pipeline("p", SOURCE, {**steps, "test": use})
    found = check(project.root / "p").problems
    return [(one.code, one.path.removeprefix("steps.train.")) for one in found]


@pytest.mark.parametrize(
    "search",
    [
        {},
        {"space": {**X, "depth": {"low": 1, "high": 9, "log": True}, "kind": {"choices": ["b"]}}},
        {"evaluate": None, "metric": "own"},
        {"evaluate": {**EVALUATE, "class": "steps:Computes"}, "metric": "whatever"},
        {"refit": True, "pruning": {}, "time": "1h", "method": "tpe"},
        {"space": {**X, "depth": {"low": 1, "high": 3}}, "method": "grid"}
        | {"space": {"x": {"low": 0.0, "high": 1.0, "step": 0.5}, "depth": {"low": 1, "high": 3}}},
    ],
    ids=["least", "all kinds", "own metric", "computed metric", "options", "grid"],
)
def test_what_is_right(project, search):
    assert problems(project, search) == []


@pytest.mark.parametrize(
    ("search", "code", "place"),
    [
        ({"metric": None}, "R053", "search"),
        ({"goal": None}, "R053", "search"),
        ({"metric": "los"}, "R056", "search.metric"),
        ({"evaluate": None}, "R056", "search.metric"),
        ({"space": {**X, "y": {"low": 1, "high": 2}}}, "R016", "search.space.y"),
        ({"space": {**X, "kind": {"choices": []}}}, "R054", "search.space.kind.choices"),
        ({"space": {**X, "kind": {"choices": ["a", "a"]}}}, "R054", "search.space.kind.choices"),
        ({"space": {**X, "kind": {}}}, "R054", "search.space.kind"),
        ({"space": {"x": {"low": 2, "high": 1}}}, "R054", "search.space.x.low"),
        ({"space": {"x": {"low": 0, "high": 1, "log": True}}}, "R054", "search.space.x.low"),
        ({"space": {"x": {"low": 0, "high": 1, "step": 2}}}, "R054", "search.space.x.step"),
        ({"space": {"x": {"low": -11, "high": 1}}}, "R041", "search.space.x.low"),
        ({"space": {**X, "depth": {"low": 0.5, "high": 1}}}, "R017", "search.space.depth.low"),
        ({"space": {**X, "kind": {"choices": [1]}}}, "R017", "search.space.kind.choices[0]"),
        ({"method": "grid", "space": {"x": {"low": 0.0, "high": 1.0}}}, "R054", "search.space.x"),
        ({"method": "grid", "space": {"x": {"low": 0, "high": 9}}, "trials": 3}, "R055", "search.trials"),
        ({"trials": 1000, "concurrency": 1}, "R055", "search.concurrency"),
        ({"trials": 0}, "S005", "search.trials"),
        ({"evaluate": {"class": "steps:Evaluate"}}, "R019", "search.evaluate"),
        ({"evaluate": {**EVALUATE, "class": "steps:No"}}, "R013", "search.evaluate.class"),
        ({"evaluate": {**EVALUATE, "class": "steps:TakesText"}}, "R012", "search.evaluate.class"),
        ({"evaluate": {**EVALUATE, "params": {"w": 1}}}, "R016", "search.evaluate.params.w"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_wrong(project, search, code, place):
    assert problems(project, search) == [(code, place)]


def test_a_required_param_that_is_neither_given_nor_tried(project):
    other = {"space": {"depth": {"low": 1, "high": 9}}}
    assert {code for code, _ in problems(project, other)} == {"R018"}
    assert problems(project, other, params={"x": 1.0}) == []


def test_a_search_of_nothing(project):
    assert problems(project, {"space": None}, params={"x": 1.0}) == [("R053", "search")]


def test_no_foreach_and_no_output_that_the_search_has(project):
    assert ("R055", "search") in problems(project, {}, foreach={"kind": ["a", "b"]})
    assert ("R055", "search") in problems(project, {}, **{"class": "steps:Clashes"})


def test_the_names_of_its_steps_are_taken(project):
    problems(project, {})
    document = (project.root / "p/training.json").read_text()
    project.write("p/training.json", document.replace('"test": {', '"train-trials-1": {'))
    assert "R030" in [one.code for one in check(project.root / "p").problems]
