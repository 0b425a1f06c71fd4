"""Reading annotations: aliases, quotes, imports, bounds; and what nobody should have to read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from atlas.validate.annotations import Annotations
from atlas.validate.source import Sources
from tests.unit.atlas.shop import write
from tests.watchdog import ends

HEAD = """\
from __future__ import annotations

import typing as t
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Optional, TypeAlias

import pandas
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame, DataFrame as DF
from pandas.core.frame import DataFrame as Core

import other
from other import Rows as Theirs, Thing

from atlas import Bounds

if TYPE_CHECKING:
    from polars import DataFrame as Polars
else:
    Polars = None

Rows = pd.DataFrame
Pairs: TypeAlias = dict[str, "Rows"]
Quoted = "Rows | None"
Twice = Rows | Theirs
Fraction = Annotated[float, Bounds(0.1, 0.9)]
Made = t.NewType("Made", int)
Endless = Endless
First = Second
Second = First
value = compute()


class Own: ...
"""
OTHER = "import pandas as pd\n\nRows = pd.DataFrame\n\n\nclass Thing: ...\n"


@pytest.fixture(scope="module")
def annotations(tmp_path_factory: pytest.TempPathFactory) -> Annotations:
    folder = write(tmp_path_factory.mktemp("hints"), {"m.py": HEAD, "other.py": OTHER})
    return Annotations(Sources(folder))


def read(annotations: Annotations, text: str) -> str:
    module = annotations.sources.module("m")
    assert module
    return str(annotations.read(module, ast.parse(text, mode="eval").body))


CASES = {
    "int": "int", "str": "str", "None": "None", "t.Any": "Any", "object": "Any", "builtins.int": "int",
    "pd.DataFrame": "pandas.DataFrame", "pandas.DataFrame": "pandas.DataFrame", "DF": "pandas.DataFrame",
    "Core": "pandas.DataFrame", "Polars": "polars.DataFrame", "NDArray[float]": "numpy.ndarray",
    "Rows": "pandas.DataFrame", "Pairs": "dict[str, pandas.DataFrame]", "Quoted": "pandas.DataFrame | None",
    "Theirs": "pandas.DataFrame", "other.Rows": "pandas.DataFrame", "Twice": "pandas.DataFrame",
    "Thing": "other.Thing", "other.Thing": "other.Thing", "Own": "m.Own", "'Own'": "m.Own", "'list[Own]'": "list[m.Own]",
    "t.List[int]": "list[int]", "t.Dict[str, int]": "dict[str, int]", "Mapping[str, int]": "Mapping[str, int]",
    "t.Optional[int]": "int | None", "t.Union[int, str, None]": "int | str | None", "int | str | int": "int | str",
    "t.Tuple[int, ...]": "tuple[int, ...]", "Annotated[int, 3]": "int", "t.Final[int]": "int", "Fraction": "float",
    "Literal['a', -1, None, True]": "Literal['a', -1, None, True]", "t.Required[int]": "int",
    # what can't be read is unknown, and breaks nothing
    "Made": "?", "value": "?", "nowhere": "?", "Endless": "?", "First": "?", "compute()": "?", "[int]": "?", "3": "?",
    "'3 +'": "?", "'a b'": "?", "Literal[Own.x]": "?", "Literal[()]": "?", "t.Optional[()]": "?", "Annotated[()]": "?",
    "list[()]": "?", "lambda: 0": "?", "f'{x}'": "?", "b'x'": "?", "...": "...", "int if x else str": "?", "-1": "?",
    "Literal[1.5]": "?", "''": "?", "'\\0'": "?",
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_an_annotation(text: str, annotations: Annotations) -> None:
    assert read(annotations, text) == CASES[text]


BOUNDS = {
    "Annotated[int, Bounds(1, 9)]": (1, 9),
    "Annotated[int, Bounds(minimum=1)]": (1, None),
    "Annotated[int, Bounds(maximum=-1)]": (None, -1),
    "Annotated[float, 'x', Bounds(0.5)]": (0.5, None),
    "t.Annotated[int, Bounds(1, 9)]": (1, 9),
    "Annotated[int, Bounds(1, 9)] | None": (1, 9),
    "Fraction": (0.1, 0.9),
    "'Annotated[int, Bounds(1, 9)]'": (1, 9),
    "Annotated[int, Bounds(LOW, 9)]": (None, 9),
    "Annotated[int, Bounds('a')]": (None, None),
    "Annotated[int, 3]": (None, None),
    "Annotated[int]": (None, None),
    "dict[int, Bounds(1)]": (None, None),
    "int": (None, None),
    "Endless": (None, None),
    "First | Second": (None, None),
}


@pytest.mark.parametrize("text", BOUNDS)
def test_bounds(text: str, annotations: Annotations) -> None:
    module = annotations.sources.module("m")
    assert module
    assert annotations.bounds(module, ast.parse(text, mode="eval").body) == BOUNDS[text]


DOUBLING = "\n".join(["A0 = int", *(f"A{n} = dict[A{n - 1}, A{n - 1}]" for n in range(1, 60))])
HUGE = {
    "aliases that double": (DOUBLING, "A59"),
    "unions that double": (DOUBLING.replace("dict[", "").replace(", A", " | A").replace("]", ""), "A59"),
    "a long union": ("", " | ".join(["list[int]"] * 900)),
    "a deep list": ("", "list[" * 90 + "int" + "]" * 90),
    "a deep union": ("", "(int | " * 90 + "str" + ")" * 90),
    "a wide Literal": ("", f"Literal[{', '.join(map(str, range(5000)))}]"),
    "a wide dict": ("", f"dict[{', '.join(['int'] * 5000)}]"),
    "quotes in quotes": ("", repr(repr(repr(repr("int"))))),
    "a long attribute": ("import a", ".".join(["a"] * 900)),
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
def test_what_nobody_writes_is_read(name: str, tmp_path: Path) -> None:
    head, text = HUGE[name]
    annotations = Annotations(Sources(write(tmp_path, {"m.py": head})))
    with ends():
        read(annotations, text)
        module = annotations.sources.module("m")
        assert module
        annotations.bounds(module, ast.parse(text, mode="eval").body)
