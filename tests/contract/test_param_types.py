"""A param that validation takes is one that a run takes, whatever its type and its value."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from atlas.errors import StepError
from atlas.plan import PlanStep
from atlas.step.code import load_class, mount, unmount
from atlas.step.imported import import_problems
from atlas.step.params import checked_params
from atlas.validate import check
from atlas.validate.taking import takes
from tests.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

HINTS = (
    "int", "float", "bool", "str", "None", "Any", "complex", "bytes", "int | None", "Optional[str]",
    "Union[int, str]", "date | None", "str | date", "Literal['a', 3, None]", "Literal[True, 'on']",
    "Path", "PurePath", "date", "datetime", "timedelta", "Decimal", "Kind", "Size", "Flag",
    "Kind | None", "Own | None", "Own", "Row", "Typed", "Word", "Rate", "Names", "Auto", "Mixed",
    "list", "list[int]", "list[Kind]", "list[date]", "List[Size]", "list[list[Flag]]", "Sequence[date]",
    "dict", "dict[str, int]", "dict[str, Kind]", "dict[Kind, int]", "dict[int, str]", "Mapping[str, Any]",
    "dict[str, list[date]]", "Dict[str, Optional[Kind]]", "tuple", "tuple[int, str]", "Tuple[Kind, ...]",
    "set[str]", "frozenset[Kind]", "set[list[int]]", "AbstractSet[int]", "Iterable[int]",
    "Annotated[int, Bounds(0, 5)]", "Annotated[Optional[float], Bounds(0, 1)]", "Final[int]",
    "list[Annotated[int, Bounds(0, 5)]]", "dict[str, Annotated[float, Bounds(0, 1)]]", "deque[int]",
    "Annotated[Kind, 'a kind']", "Annotated[int, Bounds(maximum=3)] | None",
)  # fmt: skip
ALL = (*HINTS, "Open")
"""With those whose values only an import can tell: the Enum's own method takes more."""
SOURCE = """
import enum
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path, PurePath
from typing import AbstractSet, Annotated, Any, Dict, Final, List, Literal, NamedTuple, NewType, Optional, Sequence, Tuple, TypedDict, Union
from atlas import Bounds, Template

class Kind(enum.Enum):
    TREE = "tree"
    LINE = "line"
class Size(enum.IntEnum):
    SMALL = 1
    BIG = 2
class Flag(enum.StrEnum):
    ON = enum.auto()
    OFF = enum.auto()
class Auto(enum.Enum):
    FIRST = enum.auto()
    SECOND = enum.auto()
class Mixed(enum.Enum):
    A = 1.5
    B = "b"
    C = True
class Open(enum.Enum):
    A = "a"
    @classmethod
    def _missing_(cls, value):
        return cls.A if value == "anything" else None
@dataclass
class Own:
    x: int = 1
class Row(NamedTuple):
    x: int
class Typed(TypedDict):
    x: int
class Word(str):
    pass
Rate = NewType("Rate", float)
Names = list[str]

class Out(NamedTuple):
    n: int

class Make(Template):
{params}
    def run(self) -> Out:
        return Out(1)
"""
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 7), st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 1e300, 2**70]),
    st.sampled_from(
        ["", "a", "b", "on", "ON", "off", "tree", "TREE", "line", "1", "2024-02-29", "2024-02-30",
         "2024-02-29T01:02:03+01:00", "anything", "x/y"]
    ),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "1", "tree", "x"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A class with a param of each hint, as validation reads it and as a run has it."""
    folder: Path = tmp_path_factory.mktemp("types")
    params = "\n".join(f"    p{index}: {hint}" for index, hint in enumerate(ALL))
    project = Project(folder)
    project.pipeline("types", SOURCE.format(params=params), {"make": {"class": "steps:Make"}})
    subject = check(folder).checked[0].subjects["training"]
    mount("types", folder / "types")
    yield subject, load_class("types", "steps:Make")
    unmount("types")


def run_takes(cls: type, name: str, value: Any) -> bool:
    """Whether a run gives the class the value; the other params have any."""
    step = PlanStep("make", "steps:Make")
    others = {one: object() for one in cls.__annotations__}
    try:
        given = checked_params(step, type("One", (cls,), dict(others)), {name: value})
    except StepError:
        return False
    assert set(given) == {name}
    return True


@given(index=st.integers(0, len(HINTS) - 1), value=VALUES)
@settings(
    max_examples=1500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(index=HINTS.index("list[Kind]"), value=["tree", "line"])
@example(index=HINTS.index("dict[str, Kind]"), value={"a": "nope"})
@example(index=HINTS.index("list[date]"), value=["2024-02-29"])
@example(index=HINTS.index("Kind"), value="TREE")
@example(index=HINTS.index("Size"), value=True)
@example(index=HINTS.index("complex"), value=1)
@example(index=HINTS.index("Own"), value={"x": 1})
def test_validation_and_run_take_the_same(made, index, value) -> None:
    subject, cls = made
    wanted = subject.reader.of("steps:Make").params[f"p{index}"].type
    assert takes(value, wanted, subject) == run_takes(cls, f"p{index}", value), HINTS[index]


RIGHT = {
    "list[Kind]": (["tree", "line"], lambda m: [m.Kind.TREE, m.Kind.LINE]),
    "dict[str, Kind]": ({"a": "tree"}, lambda m: {"a": m.Kind.TREE}),
    "dict[Kind, int]": ({"tree": 1}, lambda m: {m.Kind.TREE: 1}),
    "list[date]": (["2024-02-29"], lambda _: [date(2024, 2, 29)]),
    "Tuple[Kind, ...]": (["line"], lambda m: (m.Kind.LINE,)),
    "frozenset[Kind]": (["line", "line"], lambda m: frozenset({m.Kind.LINE})),
    "Dict[str, Optional[Kind]]": ({"a": None, "b": "tree"}, lambda m: {"a": None, "b": m.Kind.TREE}),
    "Flag": ("on", lambda m: m.Flag.ON),
    "Auto": (2, lambda m: m.Auto.SECOND),
    "Size": (1, lambda m: m.Size.SMALL),
    "Open": ("anything", lambda m: m.Open.A),
    "str | date": ("2024-02-29", lambda _: "2024-02-29"),
    "complex": (2, lambda _: 2 + 0j),
}  # fmt: skip


@pytest.mark.parametrize("hint", RIGHT)
def test_what_a_value_becomes_at_any_depth(hint, made) -> None:
    import sys

    _, cls = made
    value, expected = RIGHT[hint]
    name = f"p{ALL.index(hint)}"
    one = type("One", (cls,), {other: object() for other in cls.__annotations__})
    found = checked_params(PlanStep("make", "steps:Make"), one, {name: value})
    assert found == {name: expected(sys.modules[cls.__module__])}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"kind": "nope"}, "is steps.Kind, and is given 'nope'; expected 'tree', 'line' (Kind)"),
        ({"kinds": ["tree", 3]}, "expected 'tree', 'line' (Kind)"),
        ({"days": ["2024-02-30"]}, "expected datetime.date (day is out of range for month)"),
        ({"shares": [0.5, 2]}, "out of range: [0.5, 2]; expected at least 0 and at most 1"),
        ({"kind": {"parameter": "word"}}, "expected 'tree', 'line' (Kind)"),
    ],
)
def test_what_is_said_of_a_wrong_one(params, said, tmp_path) -> None:
    text = """    kind: Kind = Kind.TREE
    kinds: list[Kind] = []
    days: list[date] = []
    shares: list[Annotated[float, Bounds(0, 1)]] = []"""
    project = Project(tmp_path)
    project.pipeline("types", SOURCE.format(params=text), {"make": {"class": "steps:Make", "params": params}},
                     parameters={"word": {"type": "string", "default": "nope"}})  # fmt: skip
    (problem,) = [one for one in check(tmp_path).problems if one.severity == "error"]
    assert said in str(problem)


@pytest.mark.parametrize("default", ["line", "tree"])
def test_import_takes_text_for_an_enum(default, tmp_path) -> None:
    project = Project(tmp_path)
    params = {"kind": {"parameter": "word"}, "size": {"parameter": "number"}}
    project.pipeline(
        "types",
        SOURCE.format(params="    kind: Kind\n    size: Size"),
        {"make": {"class": "steps:Make", "params": params}},
        parameters={"word": {"type": "string", "default": default}, "number": {"type": "integer", "default": 2}},
    )  # fmt: skip
    report = check(tmp_path)
    assert not report.errors
    assert [one for one in import_problems(report) if one.severity == "error"] == []
