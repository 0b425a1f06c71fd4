"""What goes into a step and comes out: each rule, wrong; the shop itself is what is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.validate import check
from tests.unit.atlas.shop import DROP, checked, shop, write

R = "training.json"
KEYS = """

class Names(NamedTuple):
    names: list[str]
    count: int


class List(Template):
    def run(self) -> Names:
        return Names([], 0)


class Each(Template):
    def run(self, name: str, rows: pd.DataFrame) -> Model:
        return Model({})


class Join(Template):
    def run(self, models: list[dict[str, float]]) -> None: ...


class Loose(Template):
    def run(self, **inputs) -> None: ...
"""


def steps(source: str) -> tuple[str, str, Any]:
    """Add classes to steps.py."""
    return ("steps.py", "class Score(Template):", f"{source.strip()}\n\n\nclass Score(Template):")


def each(reference: str = "list.names", key: str = "name", **more: Any) -> list[Any]:
    """Add a step with foreach, and one that gathers."""
    step = {"class": "steps:Each", "foreach": {key: reference}, "inputs": {"rows": "load.rows"}}
    return [
        steps(KEYS),
        (R, "steps.list", {"class": "steps:List", "after": ["load"]}),
        (R, "steps.each", {**step, **more}),
        (R, "steps.join", {"class": "steps:Join", "inputs": {"models": "each.model"}}),
    ]


WRONG = {
    # params
    "a param that the class hasn't": (
        [(R, "steps.train.params.tree", 1)], ["R016 training.json steps.train.params.tree"],
    ),
    "a param of another type": (
        [(R, "steps.train.params.trees", "7"), ("config.json", "steps", {})],
        ["R017 training.json steps.train.params.trees"],
    ),
    "a bool is no int": (
        [("config.json", "steps.train.params.trees", True)],
        ["R017 config.json steps.train.params.trees"],
    ),
    "a whole float is no int": (
        [("config.json", "steps.train.params.trees", 7.0)],
        ["R017 config.json steps.train.params.trees"],
    ),
    "below the bounds": (
        [("config.json", "steps.train.params.trees", 0)],
        ["R041 config.json steps.train.params.trees"],
    ),
    "above the bounds": (
        [("config.json", "steps.train.params.trees", 501)],
        ["R041 config.json steps.train.params.trees"],
    ),
    "a feature of another type": (
        [("config.json", "features.columns.numeric", ["size", 3])],
        ["R017 features.json steps.clean.params.columns"],
    ),
    "a value outside of a Literal": (
        [("features.json", "parameters.way", {"type": "string", "default": "keep"})],
        ["R017 features.json steps.clean.params.way"],
    ),
    "a param without a default is missing": (
        [(R, "steps.train.params.target", DROP)], ["R018 training.json steps.train"],
    ),
    "a parameter of another type": (
        [(R, "parameters.least", {"type": "string", "default": "2"}),
         ("config.json", "parameters", {})],
        ["R017 training.json steps.train.params.least"],
    ),
    "a number for an integer": (
        [(R, "parameters.trees", {"type": "number", "default": 7}),
         (R, "steps.train.params.trees", {"parameter": "trees"}), ("config.json", "steps", {})],
        ["R017 training.json steps.train.params.trees"],
    ),
    "a parameter's default out of the class's bounds": (
        [(R, "parameters.trees", {"type": "integer", "default": 900}),
         (R, "steps.train.params.trees", {"parameter": "trees"}), ("config.json", "steps", {})],
        ["R041 training.json steps.train.params.trees"],
    ),
    "the Config's value out of the class's bounds": (
        [(R, "parameters.trees", {"type": "integer", "default": 9}),
         (R, "steps.train.params.trees", {"parameter": "trees"}), ("config.json", "steps", {}),
         ("config.json", "parameters.trees", 900)],
        ["R041 training.json steps.train.params.trees"],
    ),
    "a run's fact is a text": (
        [("config.json", "steps.train.params.trees", {"run": "id"})],
        ["R017 config.json steps.train.params.trees"],
    ),
    "an axis is a text": (
        [("config.json", "matrix", {"region": ["a", "b"]}),
         ("config.json", "steps.train.params.trees", {"axis": "region"})],
        ["R017 config.json steps.train.params.trees"],
    ),
    "an axis value outside of a Literal": (
        [("config.json", "matrix", {"way": ["drop", "keep"]}),
         ("features.json", "steps.clean.params.way", {"axis": "way"}),
         ("inference.json", "steps.features.params", {}), ("features.json", "parameters", {})],
        ["R017 features.json steps.clean.params.way"],
    ),
    # inputs
    "an input that run hasn't": (
        [(R, "steps.train.inputs.weights", "load.rows")],
        ["R020 training.json steps.train.inputs.weights"],
    ),
    "an input that is needed": (
        [(R, "steps.evaluate.inputs.rows", DROP)], ["R019 training.json steps.evaluate"],
    ),
    "an output that the step hasn't": (
        [(R, "steps.evaluate.inputs.model", "train.forest")],
        ["R002 training.json steps.evaluate.inputs.model"],
    ),
    "a format of an output that there isn't": (
        [(R, "steps.train.outputs", {"forest": {"format": "json"}})],
        ["R002 training.json steps.train.outputs.forest"],
    ),
    # edges
    "a table for a dict": (
        [(R, "steps.evaluate.inputs.model", "load.rows")],
        ["R012 training.json steps.evaluate.inputs.model"],
    ),
    "data for a table": (
        [(R, "steps.evaluate.inputs.rows", "data.sales")],
        ["R012 training.json steps.evaluate.inputs.rows"],
    ),
    "a table for data": (
        [(R, "steps.load.inputs.source", "features.rows"),
         (R, "steps.features.inputs.rows", "train.rows"), (R, "steps.features", DROP),
         (R, "steps.load.inputs.source", "train.model"),
         (R, "steps.train.inputs.rows", "load.rows"), (R, "steps.evaluate.inputs.rows", "load.rows"),
         ("config.json", "model.from", {"model": "train.model"}),
         ("inference.json", "steps.features.inputs.means", DROP)],
        ["R010 training.json steps.load", "R012 training.json steps.load.inputs.source"],
    ),
    "a part of the model of another type": (
        [("config.json", "model.from.model", "load.rows")],
        ["R012 inference.json steps.score.inputs.model"],
    ),
    # foreach
    "keys that are no list": (
        each("list.count"), ["R027 training.json steps.each.foreach.name"],
    ),
    "keys that are a table": (
        each("load.rows"), ["R027 training.json steps.each.foreach.name"],
    ),
    "keys that are data": (
        each("data.sales"), ["R027 training.json steps.each.foreach.name"],
    ),
    "keys of another type": (
        [*each(), ("steps.py", "names: list[str]", "names: list[int]")],
        ["R012 training.json steps.each.foreach.name"],
    ),
    "keys from an output that there isn't": (
        each("list.keys"), ["R002 training.json steps.each.foreach.name"],
    ),
    "a key that run doesn't take": (
        each(key="region"),
        ["R019 training.json steps.each", "R020 training.json steps.each.foreach.region"],
    ),
    "a key that is an input too": (
        each(inputs={"rows": "load.rows", "name": "list.names"}),
        ["R028 training.json steps.each.foreach.name"],
    ),
    "lists are gathered": (
        [*each(), (R, "steps.evaluate.inputs.model", "each.model")],
        ["R012 training.json steps.evaluate.inputs.model"],
    ),
    # signatures
    "run without a return hint": (
        [("steps.py", "rows: pd.DataFrame) -> Model:", "rows: pd.DataFrame):")],
        ["R031 training.json steps.train.class"],
    ),
    "run that returns a table": (
        [("steps.py", "rows: pd.DataFrame) -> Model:", "rows: pd.DataFrame) -> pd.DataFrame:")],
        ["R031 training.json steps.train.class"],
    ),
    "run that is async": (
        [("steps.py", "def run(self, rows: pd.DataFrame) -> Model:",
          "async def run(self, rows: pd.DataFrame) -> Model:")],
        ["R036 training.json steps.train.class"],
    ),
    "run that is a property": (
        [("steps.py", "    def run(self, rows: pd.DataFrame) -> Model:",
          "    @property\n    def run(self, rows: pd.DataFrame) -> Model:")],
        ["R036 training.json steps.train.class"],
    ),
    "no run": (
        [("steps.py", "def run(self, rows: pd.DataFrame) -> Model:",
          "def fit(self, rows: pd.DataFrame) -> Model:")],
        ["R036 training.json steps.train.class"],
    ),
    "a Trainer without train": (
        [("steps.py", "class Train(Template):", "class Train(Trainer):"),
         ("steps.py", "import Bounds, Data, Template", "import Bounds, Data, Template, Trainer"),
         ("steps.py", "def run(self, rows: pd.DataFrame) -> Model:", "def fit(self, rows):")],
        ["R036 training.json steps.train.class"],
    ),
    "a return hint that only an import can tell": (
        [("steps.py", "rows: pd.DataFrame) -> Model:", "rows: pd.DataFrame) -> make():"),
         ("steps.py", "import pandas as pd", "import pandas as pd\nfrom x import make")],
        ["N001 training.json steps.train.class"],
    ),
    "two classes of somebody else": (
        [("steps.py", "import pandas as pd", "import pandas as pd\nfrom x import A, B"),
         ("steps.py", "    model: dict[str, float]", "    model: A"),
         ("steps.py", "def run(self, model: dict[str, float], rows: pd.DataFrame) -> Metrics:",
          "def run(self, model: B, rows: pd.DataFrame) -> Metrics:"),
         ("inference.json", "steps.score.inputs", {"rows": "features.rows", "target": "data.scores"}),
         ("steps.py", "def run(self, model: dict[str, float], rows: pd.DataFrame, target: Data)",
          "def run(self, rows: pd.DataFrame, target: Data)")],
        ["N001 training.json steps.evaluate.inputs.model"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_step_is_told_once(name: str, tmp_path: Path) -> None:
    changes, expected = WRONG[name]
    assert checked(write(tmp_path, shop(*changes))) == expected


RIGHT = {
    "foreach over a list of a step": each(),
    "a run that takes anything": [
        steps(KEYS),
        (R, "steps.any", {"class": "steps:Loose", "inputs": {"a": "load.rows", "b": "train.model"}}),
    ],
    "an int for a float": [("config.json", "parameters.least", 2)],
    "a run's fact for a text": [("config.json", "steps.train.params.target", {"run": "id"})],
    "a literal that looks like a reference": [
        ("config.json", "steps.train.params.target", {"literal": "price"}),
    ],
    "an axis for a text": [
        ("config.json", "matrix", {"region": ["a", "b"]}),
        ("config.json", "steps.train.params.target", {"axis": "region"}),
    ],
    "bounds of a parameter at the class's": [("config.json", "steps.train.params.trees", 500)],
    "None where the hint allows it": [("steps.py", "least: float = 0.0", "least: float | None = None")],
    "a param that a subclass gives a default": [
        ("steps.py", "class Score(Template):",
         'class Sure(Train):\n    target = "price"\n\n\nclass Score(Template):'),
        (R, "steps.train.class", "steps:Sure"), (R, "steps.train.params.target", DROP),
    ],
    "an unknown class is left alone": [
        ("steps.py", "import pandas as pd", "import pandas as pd\nfrom x import Base"),
        ("steps.py", "class Train(Template):", "class Train(Base, Template):"),
        (R, "steps.train.params.depth", 3),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_told_nothing(name: str, tmp_path: Path) -> None:
    assert checked(write(tmp_path, shop(*RIGHT[name]))) == []


def test_the_hint_says_that_lists_are_gathered(tmp_path: Path) -> None:
    changes = [*each(), (R, "steps.evaluate.inputs.model", "each.model")]
    [problem] = check(write(tmp_path, shop(*changes))).problems
    assert problem.message == (
        "each.model is list[dict[str, float]], and steps:Evaluate.run takes model: dict[str, float]"
    )
    assert problem.hint == "'each' has foreach, so its outputs come as a list"


def test_a_problem_says_what_was_found_and_expected(tmp_path: Path) -> None:
    [problem] = check(write(tmp_path, shop((R, "steps.train.params.tree", 1)))).problems
    assert problem.found == "tree"
    assert problem.expected == "target, least, trees"
    assert problem.hint == "did you mean 'trees'?"
