"""Files of data sets keep values to the last digit, and refuse what they would lose."""

from __future__ import annotations

import datetime as dt
import enum
import math

import numpy as np
import pandas as pd
import pytest

from atlas.datasets.files import read_file, write_file
from atlas.errors import StoreError

ROWS = pd.DataFrame(
    {"n": [1e-12, 0.1 + 0.2, 5e-324], "s": ["ä", None, ""], "i": [2**62, 3, -1],
     "t": [pd.Timestamp("2024-01-01 12:00:00.123456"), pd.NaT, pd.Timestamp("2024-01-02")]}
)  # fmt: skip


def through(value, format, tmp_path):
    path = tmp_path / f"file.{format}"
    write_file(value, path, format, {})
    return read_file(path, format, {})


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_numbers_come_back_to_the_last_digit(tmp_path, format):
    back = pd.DataFrame(through(ROWS, format, tmp_path))
    assert back["n"].tolist() == ROWS["n"].tolist()
    assert back["i"].tolist() == ROWS["i"].tolist()


def test_random_numbers_come_back_from_csv(tmp_path):
    numbers = np.random.default_rng(0).random(2000) * 10.0 ** np.arange(-1000, 1000).clip(-300, 300)
    frame = pd.DataFrame({"n": numbers})
    assert through(frame, "csv", tmp_path)["n"].tolist() == numbers.tolist()


def test_moments_and_what_is_missing_in_json(tmp_path):
    rows = through(ROWS, "json", tmp_path)
    assert rows[0]["t"] == "2024-01-01T12:00:00.123456"
    assert (rows[1]["t"], rows[1]["s"]) == (None, None)
    column = pd.Series([1.5, math.nan])
    assert through(column, "json", tmp_path) == [1.5, None]


class Mode(str, enum.Enum):  # noqa: UP042 - as users have it
    FAST = "fast"


def test_values_in_json(tmp_path):
    value = {"mode": Mode.FAST, "day": dt.date(2024, 1, 1), "n": np.int64(3), "a": np.arange(2)}
    assert through(value, "json", tmp_path) == {
        "mode": "fast", "day": "2024-01-01", "n": 3, "a": [0, 1],
    }  # fmt: skip
    with pytest.raises(TypeError, match="found a set; expected plain data"):
        through({"a": {1}}, "json", tmp_path)
    with pytest.raises(ValueError, match="Out of range"):
        through({"a": math.nan}, "json", tmp_path)


@pytest.mark.parametrize(
    ("frame", "formats", "words"),
    [
        (
            pd.DataFrame([[1]], columns=[True]),
            "csv json parquet",
            "the column label True is a bool",
        ),
        (pd.DataFrame([[1]], columns=[0]), "csv json parquet", "the column label 0 is an int"),
        (
            pd.DataFrame([[1, 2]], columns=["a", "a"]),
            "csv json parquet",
            "two columns are called 'a'",
        ),
        (pd.DataFrame({"a": [1]}, index=["x"]), "csv json", "would be lost; frame.reset_index"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([1], name="k")), "csv json", r"the index \(k\)"),
        (pd.DataFrame({"a": pd.Categorical([1])}), "parquet", "column 'a' is a category of int64"),
    ],
)
def test_what_would_be_lost_is_refused(tmp_path, frame, formats, words):
    for format in formats.split():
        with pytest.raises(StoreError, match=words):
            through(frame, format, tmp_path)


def test_rows_that_were_filtered_are_written(tmp_path):
    frame = pd.DataFrame({"a": [1, 2, 3]})
    assert through(frame[frame["a"] > 1], "csv", tmp_path)["a"].tolist() == [2, 3]


def test_a_category_of_strings_is_parquet_s_too(tmp_path):
    frame = pd.DataFrame({"a": pd.Categorical(["x", "y"])})
    assert through(frame, "parquet", tmp_path)["a"].dtype == frame["a"].dtype
