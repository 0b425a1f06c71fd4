"""Whether one type fits where another is expected, and whether a value fits a type."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from atlas.validate.annotations import Annotations
from atlas.validate.signature import Signatures
from atlas.validate.source import Module, Sources
from atlas.validate.taking import takes
from atlas.validate.types import UNKNOWN, Type, fits, union
from tests.unit.atlas.shop import write

HEAD = """\
import collections
import datetime
import pathlib
from abc import ABC
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Generic, Literal, NamedTuple, Optional, Protocol, TypedDict, TypeVar, Union

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier

from atlas import Data, Html, Markdown

T = TypeVar("T")

class Base: ...
class Child(Base): ...
class Grandchild(Child): ...
class Other: ...
class Shape(Protocol): ...
class Round(Shape): ...
class Abstract(ABC): ...
class Concrete(Abstract): ...
class Numbers(list): ...
class Named(NamedTuple): ...
class Typed(TypedDict): ...
class Box(Generic[T]): ...
class Mine(BaseEstimator): ...
class Colour(str, Enum): ...
class Loop1(Loop2): ...
class Loop2(Loop1): ...
class Itself(Itself): ...
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Signatures:
    return Signatures(Sources(write(tmp_path_factory.mktemp("types"), {"m.py": HEAD})))


def read(reader: Signatures, text: str) -> Type:
    module = reader.sources.module("m")
    assert isinstance(module, Module)
    return Annotations(reader.sources).read(module, ast.parse(text, mode="eval").body)


YES = [
    ("int", "int"), ("bool", "int"), ("int", "float"), ("bool", "complex"), ("str", "object"),
    ("int", "Any"), ("Any", "int"), ("list[int]", "list[int]"), ("list[int]", "list"), ("list", "list[int]"),
    ("list[bool]", "list[float]"), ("list[int]", "Sequence[int]"), ("tuple[int, ...]", "Sequence[int]"),
    ("tuple[int, str]", "Sequence[int | str]"), ("tuple[int, int]", "tuple[int, ...]"),
    ("tuple[int, ...]", "tuple[float, ...]"), ("tuple[int, ...]", "tuple[int, int]"),
    ("dict[str, int]", "Mapping[str, float]"), ("dict[str, int]", "Iterable[str]"), ("dict", "Mapping"),
    ("int", "int | None"), ("None", "int | None"), ("int | None", "int | str | None"),
    ("Optional[int]", "Union[None, int]"), ("int", "Literal[1] | int"),
    ("Literal[1, 2]", "Literal[1, 2, 3]"), ("Literal['a']", "str"), ("Literal[True]", "int"),
    ("Child", "Base"), ("Grandchild", "Base"), ("Concrete", "Abstract"), ("Numbers", "list"),
    ("Numbers", "Sequence"), ("Named", "tuple"), ("Typed", "dict"), ("Typed", "Mapping[str, Any]"),
    ("Round", "Shape"), ("Mine", "BaseEstimator"), ("Colour", "str"), ("Box[int]", "Box"),
    ("datetime.datetime", "datetime.date"), ("pathlib.Path", "pathlib.PurePath"),
    ("pd.DataFrame", "pd.DataFrame"), ("pd.DataFrame", "Iterable"), ("np.ndarray", "Iterable[float]"),
    ("collections.OrderedDict[str, int]", "dict[str, int]"), ("Data", "Data"), ("str", "Sequence[str]"),
    ("Loop1", "Loop2"), ("Html", "str"), ("Html", "Html"),
]  # fmt: skip
NO = [
    ("str", "int"), ("float", "int"), ("int", "bool"), ("int", "str"), ("list[str]", "list[int]"),
    ("list[int | str]", "list[int]"), ("tuple[str, ...]", "Sequence[int]"), ("tuple[int, str]", "Sequence[int]"),
    ("tuple[int, str]", "tuple[int, ...]"), ("tuple[int, int]", "tuple[int]"), ("dict[str, str]", "dict[str, int]"),
    ("dict[int, str]", "Iterable[str]"), ("list[int]", "dict[str, int]"), ("int | None", "int"), ("None", "int"),
    ("str | int", "int"), ("Literal[1]", "str"), ("Literal[1, 4]", "Literal[1, 2]"), ("Literal[1]", "Literal[True]"),
    ("str", "Literal[1]"), ("Base", "Child"), ("Other", "Base"), ("Child", "Other"), ("Child", "str"),
    ("str", "Base"), ("pd.DataFrame", "Base"), ("pd.DataFrame", "pd.Series"), ("pd.DataFrame", "dict[str, float]"),
    ("Data", "pd.DataFrame"), ("pd.DataFrame", "Data"), ("Concrete", "Child"), ("Named", "dict"), ("Numbers", "str"),
    ("Html", "Markdown"), ("str", "Html"), ("Html", "int"), ("Loop1", "Base"), ("Itself", "Base"), ("Round", "Other"), ("np.ndarray", "pd.DataFrame"),
]  # fmt: skip
MAYBE = [
    ("DummyClassifier", "BaseEstimator"), ("DummyClassifier", "str"), ("DummyClassifier", "Base"),
    ("Base", "Shape"), ("str", "Shape"), ("Base", "Iterable"), ("Base", "BaseEstimator"),
    ("pd.DataFrame", "BaseEstimator"), ("Mine", "Base"), ("str", "Literal['a']"), ("unknown", "int"),
    ("int", "unknown"), ("list[DummyClassifier]", "list[BaseEstimator]"),
    ("DummyClassifier | None", "BaseEstimator | None"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "wanted"), YES)
def test_it_fits(given: str, wanted: str, reader: Signatures) -> None:
    assert fits(read(reader, given), read(reader, wanted), reader.ancestors) is True


@pytest.mark.parametrize(("given", "wanted"), NO)
def test_it_doesn_t(given: str, wanted: str, reader: Signatures) -> None:
    assert fits(read(reader, given), read(reader, wanted), reader.ancestors) is False


@pytest.mark.parametrize(("given", "wanted"), MAYBE)
def test_only_an_import_could_tell(given: str, wanted: str, reader: Signatures) -> None:
    assert fits(read(reader, given), read(reader, wanted), reader.ancestors) is None


def test_a_diamond_of_many_levels_is_no_work(tmp_path: Path) -> None:
    lines = ["class A0: ...", "class B0: ...", "class Z: ..."]
    lines += [f"class {x}{n}(A{n - 1}, B{n - 1}): ..." for n in range(1, 200) for x in "AB"]
    reader = Signatures(Sources(write(tmp_path, {"m.py": "\n".join(lines)})))
    assert fits(Type("m.A199"), Type("m.A0"), reader.ancestors) is True
    assert fits(Type("m.A199"), Type("m.Z"), reader.ancestors) is False


def test_unions_are_flat() -> None:
    one, two = Type("int"), Type("str")
    assert union(one, union(two, one)) == Type("Union", (one, two))
    assert union(one, one) == one


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("int | None", "int | None"), ("dict[str, list[int]]", "dict[str, list[int]]"),
        ("Literal['a', 1]", "Literal['a', 1]"), ("pd.DataFrame", "pandas.DataFrame"),
        ("tuple[int, ...]", "tuple[int, ...]"), ("Base", "m.Base"), ("Optional[Base]", "m.Base | None"),
    ],
)  # fmt: skip
def test_a_type_is_shown_as_it_is_written(text: str, shown: str, reader: Signatures) -> None:
    assert str(read(reader, text)) == shown


FITTING: list[tuple[Any, str]] = [
    (1, "int"), (1, "float"), (1.5, "float"), (True, "bool"), ("a", "str"), (None, "None"), (None, "int | None"),
    ([1, 2], "list[int]"), ([1, 2], "Sequence[float]"), ([1, 2], "set[int]"), ([1, "a"], "tuple[int, str]"),
    ([1, 2, 3], "tuple[int, ...]"), ({"a": 1}, "dict[str, int]"), ({"a": 1}, "Mapping"), ([], "list[int]"),
    ("a", "Literal['a', 'b']"), (1, "Literal[1]"), (-1, "Literal[-1]"), ("x", "Base"), (3, "unknown"), ("red", "Colour"),
    ("a/b", "pathlib.Path"), ({"a": [1]}, "dict[str, list[int]]"), (1, "Any"), (None, "Any"), (10**30, "int"),
]  # fmt: skip
UNFITTING: list[tuple[Any, str]] = [
    (1.0, "int"), (True, "int"), (True, "float"), ("1", "int"), (1, "str"), (1, "bool"), (None, "int"), (0, "None"),
    ([1, "a"], "list[int]"), ([1], "tuple[int, str]"), ({"a": "b"}, "dict[str, int]"), ([1], "dict"), ({}, "list"),
    ("c", "Literal['a', 'b']"), (True, "Literal[1]"), (1, "Literal[True]"), (1.0, "Literal[1]"), ("a", "bytes"),
    ([1], "pd.DataFrame"), ("a", "int | None"), ("abc", "list[str]"), (1, "tuple[int, ...]"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "wanted"), FITTING)
def test_a_takes(value: Any, wanted: str, reader: Signatures) -> None:
    assert takes(value, read(reader, wanted))


@pytest.mark.parametrize(("value", "wanted"), UNFITTING)
def test_a_value_doesn_t_fit(value: Any, wanted: str, reader: Signatures) -> None:
    assert not takes(value, read(reader, wanted))


def test_an_unknown_type_takes_anything() -> None:
    assert takes(object(), UNKNOWN)
