"""Values against hints, as they are at run time."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest

from atlas import Bounds, Data
from atlas.step.hints import fits, resolve, shown
from atlas.step.real import RealTypes
from atlas.validate.taking import taken


class Color(enum.Enum):
    RED = "red"


FITS = [
    (1, int), (1, float), (1.5, float), (True, bool), ("x", str), (None, None), (None, int | None),
    (1, int | str), ("x", int | str), ([1], list[int]), ([], list[int]), ([1], Sequence[int]),
    ({"a": 1}, dict[str, int]), ({"a": 1}, Mapping[str, float]), ((1, "x"), tuple[int, str]),
    ((1, 2), tuple[int, ...]), ("a", Literal["a", "b"]), (3, Annotated[int, Bounds(1, 5)]),
    (object(), Any), (object(), object), (np.float32(1), float), (np.int64(1), int),
    (pd.DataFrame(), pd.DataFrame), (pd.DataFrame(), "DataFrame"), (pd.DataFrame(), "pd.DataFrame"),
    (1, "whatever | other"), (1, "list[Thing]"), (object(), Data), ({1}, set[int]),
]  # fmt: skip
DOESN_T = [
    (True, int), (1, bool), (1.5, int), ("1", int), (None, int), ([1], list[str]), ("x", list[str]),
    ({"a": "x"}, dict[str, int]), ((1,), tuple[int, str]), ("c", Literal["a", "b"]), (1, Literal[True]),
    (9, Annotated[int, Bounds(1, 5)]), (0, Annotated[int, Bounds(1, None)]), ([], pd.DataFrame),
    ([], "DataFrame"), (1, "pd.DataFrame"), (np.int64(1), bool),
]  # fmt: skip


@pytest.mark.parametrize(("value", "hint"), FITS)
def test_what_fits(value, hint):
    assert fits(value, hint)


@pytest.mark.parametrize(("value", "hint"), DOESN_T)
def test_what_doesn_t(value, hint):
    assert not fits(value, hint)


def test_hints_are_evaluated_where_they_stand():
    assert resolve("int", {}) is int
    assert resolve("list[X]", {"X": str}) == list[str]
    assert resolve("Missing", {}) == "Missing"


@pytest.mark.parametrize(
    ("value", "hint", "adapted"),
    [
        ([1, 2], tuple[int, int], (1, 2)),
        ([1, 1], set[int], {1}),
        ("a/b", Path, Path("a/b")),
        ("2026-01-02", date, date(2026, 1, 2)),
        ("2026-01-02T03:04", datetime, datetime(2026, 1, 2, 3, 4)),
        ("red", Color, Color.RED),
        ("red", Color | None, Color.RED),
        (None, Path | None, None),
        ([1], Annotated[tuple[int, ...], Bounds()], (1,)),
        ([1], list[int], [1]),
        (3, float, 3),
    ],
)
def test_json_becomes_what_a_hint_asks_for(value, hint, adapted):
    types = RealTypes("")
    assert taken(value, types.of(hint), types) == adapted


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "int"),
        (pd.DataFrame, "pandas.DataFrame"),
        (list[int], "list[int]"),
        ("X", "X"),
        (int | None, "int | None"),
    ],
)
def test_how_a_hint_is_shown(hint, text):
    assert shown(hint) == text
