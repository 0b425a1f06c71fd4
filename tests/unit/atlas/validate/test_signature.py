"""What a Template takes and gives, read from its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.validate.signature import Signature, Signatures
from atlas.validate.source import Sources
from tests.unit.atlas.shop import write

HEAD = """\
from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NamedTuple, Optional, Protocol, TypedDict

import pandas as pd
from sklearn.linear_model import LinearRegression

from atlas import Bounds, Context, Data, Evaluator, Predictor, Sink, Source, Template, Trainer, Transform
"""


def signature(folder: Path, source: str, cls: str = "Step") -> Signature:
    found = Signatures(Sources(write(folder, {"m.py": f"{HEAD}\n{source}"}))).of(f"m:{cls}")
    assert found
    return found


def params(found: Signature) -> dict[str, str]:
    return {k: f"{one.type}{'' if one.required else ' ='}" for k, one in found.params.items()}


def inputs(found: Signature) -> dict[str, str]:
    return {k: f"{one.type}{'' if one.required else ' ='}" for k, one in found.inputs.items()}


def outputs(found: Signature) -> dict[str, str] | None:
    return None if found.outputs is None else {k: str(one) for k, one in found.outputs.items()}


def test_params(tmp_path: Path) -> None:
    found = signature(tmp_path, '''
class Step(Template):
    """A doc."""
    a: int
    b: float = 1.5
    c: Annotated[int, Bounds(1, 9)] = 3
    d: ClassVar[int] = 4
    e: "ClassVar[int]" = 4
    _f: int = 5
    g = 6
    context: Context
    h: list[str]; i: Optional[str] = None

    def run(self) -> None: ...
''')  # fmt: skip
    assert params(found) == {
        "a": "int", "b": "float =", "c": "int =", "h": "list[str]", "i": "str | None =",
    }  # fmt: skip
    assert (found.params["c"].minimum, found.params["c"].maximum) == (1, 9)


def test_params_are_inherited(tmp_path: Path) -> None:
    found = signature(tmp_path, """
class Base(Template):
    a: int
    b: int
    c: int = 1
    d: int
class Step(Base):
    b = 2
    c: str
    d: int = 4
    e: int
    def run(self) -> None: ...
""")  # fmt: skip
    assert params(found) == {"a": "int", "b": "int =", "c": "str =", "d": "int =", "e": "int"}


def test_inputs(tmp_path: Path) -> None:
    found = signature(tmp_path, """
class Step(Template):
    def run(self, a: int, b, /, c: str = "", *more: int, d: float, e: bool = True, **rest) -> None: ...
""")  # fmt: skip
    assert inputs(found) == {"a": "int", "b": "Any", "c": "str =", "d": "float", "e": "bool ="}
    assert found.any_input


RETURNS = {
    "class R(NamedTuple):\n    a: int\n    b: str = ''": {"a": "int", "b": "str"},
    "class R(TypedDict):\n    a: int\n    b: pd.DataFrame": {"a": "int", "b": "pandas.DataFrame"},
    "class R(TypedDict, total=False):\n    a: int": {"a": "int"},
    "@dataclass\nclass R:\n    a: int\n    n: ClassVar[int] = 1": {"a": "int"},
    "@dataclass(frozen=True)\nclass R:\n    a: int": {"a": "int"},
    "@dataclasses.dataclass\nclass R:\n    a: int = field(default=1)": {"a": "int"},
    "class B(TypedDict):\n    a: int\nclass R(B):\n    b: int": {"a": "int", "b": "int"},
    "@dataclass\nclass B:\n    a: int\n    b: int\n@dataclass\nclass R(B):\n    b: str": {
        "a": "int",
        "b": "str",
    },
    "class B(NamedTuple):\n    a: int\nR = B": {"a": "int"},
    "class R(NamedTuple): ...": {},
    "R = None": {},
}


@pytest.mark.parametrize("record", RETURNS)
def test_outputs(record: str, tmp_path: Path) -> None:
    found = signature(tmp_path, f"{record}\nclass Step(Template):\n    def run(self) -> R: ...\n")
    assert outputs(found) == RETURNS[record]


@pytest.mark.parametrize(
    ("record", "is_open"),
    [
        ("R = int", False), ("R = dict[str, int]", False), ("R = pd.DataFrame", False), ("R = Any", False),
        ("class R:\n    a: int", False), ("class R(Protocol):\n    a: int", False),
        ("class B(NamedTuple):\n    a: int\nR = Optional[B]", False),
        ("R = make()", True), ("from x import R", True), ("from x import B\nclass R(B):\n    a: int", True),
        ('R = NamedTuple("R", [("a", int)])', True), ("", True),
    ],
)  # fmt: skip
def test_no_outputs(record: str, is_open: bool, tmp_path: Path) -> None:
    found = signature(tmp_path, f"{record}\nclass Step(Template):\n    def run(self) -> R: ...\n")
    assert (outputs(found), found.is_open) == (None, is_open)


FIXED = {
    "class Step(Source): ...": ({"source": "atlas.template.Data"}, {"rows": "pandas.DataFrame"}),
    "class Step(Source):\n    def read(self, source: Data) -> list[int]: ...": (
        {"source": "atlas.template.Data"}, {"rows": "list[int]"},
    ),
    "class Step(Transform):\n    def apply(self, rows: dict[str, int], fitted: str) -> list[int]: ...\n"
    "    def fit(self, rows: dict[str, int]) -> str: ...": (
        {"rows": "dict[str, int]", "fitted": "str ="}, {"rows": "list[int]", "fitted": "str"},
    ),
    "class Step(Trainer):\n    def train(self, rows: pd.DataFrame) -> LinearRegression: ...": (
        {"rows": "pandas.DataFrame"}, {"model": "sklearn.linear_model.LinearRegression"},
    ),
    "class Step(Trainer):\n    def train(self, rows): ...": ({"rows": "pandas.DataFrame"}, {"model": "Any"}),
    "class Step(Evaluator):\n    def evaluate(self, model: LinearRegression, rows: list[int]): ...": (
        {"model": "sklearn.linear_model.LinearRegression", "rows": "list[int]"}, {"metrics": "dict[str, float]"},
    ),
    "class Step(Predictor):\n    def predict(self, model, rows) -> list[float]: ...": (
        {"model": "Any", "rows": "pandas.DataFrame"}, {"scores": "list[float]"},
    ),
    "class Step(Sink): ...": ({"rows": "pandas.DataFrame", "target": "atlas.template.Data"}, {}),
    "class Base(Trainer):\n    def train(self, rows: list[int]) -> str: ...\nclass Step(Base): ...": (
        {"rows": "list[int]"}, {"model": "str"},
    ),
    "class R(NamedTuple):\n    a: int\nclass Step(Trainer):\n    def run(self, x: int) -> R: ...": ({"x": "int"}, {"a": "int"}),
}  # fmt: skip


@pytest.mark.parametrize("source", FIXED)
def test_templates_of_fixed_shape(source: str, tmp_path: Path) -> None:
    found = signature(tmp_path, source)
    assert (inputs(found), outputs(found)) == FIXED[source]
    assert found.is_template
    assert found.closed
    assert found.lacks == ""


@pytest.mark.parametrize(
    ("source", "lacks"),
    [
        ("class Step(Template): ...", "run"),
        ("class Step(Transform):\n    def fit(self, rows): ...", "apply"),
        ("class Step(Trainer): ...", "train"),
        ("class Step(Evaluator): ...", "evaluate"),
        ("class Step(Predictor): ...", "predict"),
        ("class Step(Source): ...", ""),
        ("class Step(Sink): ...", ""),
        ("from x import Mixin\nclass Step(Mixin, Trainer): ...", ""),
    ],
)
def test_what_a_class_has_to_write(source: str, lacks: str, tmp_path: Path) -> None:
    assert signature(tmp_path, source).lacks == lacks


@pytest.mark.parametrize(
    ("source", "unfit"),
    [
        ("(Template):\n    async def run(self) -> None: ...", "run is async, and nothing would wait for it"),
        ("(Template):\n    @property\n    def run(self) -> None: ...", "run is a property"),
        ("(Template):\n    @staticmethod\n    def run() -> None: ...", "run is a staticmethod"),
        ("(Template):\n    @functools.cached_property\n    def run(self) -> None: ...", "run is a cached_property"),
        ("(Template):\n    @logged\n    def run(self) -> None: ...", ""),
        ("(Trainer):\n    async def train(self, rows): ...", "train is async, and nothing would wait for it"),
        ("(Predictor):\n    @classmethod\n    def predict(cls, rows, model): ...", "predict is a classmethod"),
        ("(Transform):\n    def apply(self, rows): ...\n    @staticmethod\n    def fit(rows): ...", "fit is a staticmethod"),
        ("(Template):\n    def run(self) -> None: ...\n    @property\n    def train(self): ...", ""),
    ],
)  # fmt: skip
def test_methods_that_are_no_plain_ones(source: str, unfit: str, tmp_path: Path) -> None:
    assert signature(tmp_path, f"class Step{source}").unfit == unfit


def test_a_class_that_isn_t_there(tmp_path: Path) -> None:
    reader = Signatures(Sources(write(tmp_path, {"m.py": HEAD})))
    assert reader.of("m:Nothing") is None
    assert reader.of("nothing:Step") is None
    assert reader.of("m:DataFrame") is None


@pytest.mark.parametrize(
    "source",
    [
        "class Step(Step): ...",
        "class A(Step): ...\nclass Step(A): ...",
        "class A(B): ...\nclass B(A): ...\nclass Step(A, B, Template): ...",
        "Step = Other\nOther = Step",
    ],
)
def test_inheritance_in_circles(source: str, tmp_path: Path) -> None:
    reader = Signatures(Sources(write(tmp_path, {"m.py": f"{HEAD}\n{source}"})))
    found = reader.of("m:Step")
    assert found is None or not found.params


def test_imports_in_circles(tmp_path: Path) -> None:
    files = {
        "a.py": "from b import Step",
        "b.py": "from a import Step",
        "c.py": "from c import *\nfrom c import Step",
        "d.py": "from e import *",
        "e.py": "from d import *",
    }
    reader = Signatures(Sources(write(tmp_path, files)))
    assert [reader.of(f"{name}:Step") for name in "abcde"] == [None] * 5


def test_a_long_chain_of_imports(tmp_path: Path) -> None:
    files = {f"m{n}.py": f"from m{n + 1} import Step" for n in range(100)}
    reader = Signatures(Sources(write(tmp_path, files)))
    assert reader.of("m0:Step") is None
