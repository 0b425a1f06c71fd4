"""What differs between two values, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from atlas.reproduce.differences import difference_between

TABLE = pd.DataFrame({"a": [1, 2, 3], "b": [1.0, np.nan, 3.0]})


@pytest.mark.parametrize(
    ("then", "now", "text"),
    [
        (1, 1, ""),
        (1.0, 1.5, "the value was 1.0, and is 1.5 (by 0.5)"),
        (1, "1", "the value was 1, and is '1'"),
        ({"a": [1, 2]}, {"a": [1, 3]}, "['a'][1] was 2, and is 3 (by 1)"),
        ({"a": 1}, {}, "['a'] is missing"),
        ({}, {"a": 1}, "['a'] is new"),
        ([1], [1, 2], "the list had 1 elements, and has 2"),
        (TABLE, TABLE.copy(), ""),
        (TABLE, TABLE[["b", "a"]], "the columns were ['a', 'b'], and are ['b', 'a']"),
        (TABLE, TABLE[:2], "the table had 3 rows, and has 2"),
        (TABLE, TABLE.astype({"a": float}), "column 'a' was of int64, and is of float64"),
        (TABLE, TABLE.assign(b=[1.0, np.nan, 3.25]),
         "column 'b' differs in 1 of 3 elements, first in 2: it was 3.0, and is 3.25, at most by "
         "0.25"),
        (TABLE, TABLE.set_axis([5, 6, 7]), "the index differs"),
        (np.arange(3), np.arange(4), "the array was of shape (3,), and is of (4,)"),
        (np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]]),
         "the array differs in 1 of 2 elements, first in 1: it was 2.0, and is 4.0, at most by 2"),
    ],
)  # fmt: skip
def test_the_first_difference_is_said(then, now, text):
    assert difference_between(then, now) == text
