"""Which label belongs to which prediction: pandas' own merges are the oracle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.labels.matching import NONE, Side, key_codes, kind_of, last_of_each, match

SECOND = 1_000_000
ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), max_size=25)


def sides(predictions, labels):
    return [
        Side(
            np.array([code for code, _ in rows], dtype=np.int64),
            np.array([time * SECOND for _, time in rows], dtype=np.int64),
        )
        for rows in (predictions, labels)
    ]


@settings(max_examples=300, deadline=None)
@given(
    predictions=ROWS,
    labels=ROWS.map(lambda rows: list(dict.fromkeys(rows))),
    tolerance=st.integers(0, 6),
    direction=st.sampled_from(["nearest", "forward", "backward"]),
)
def test_a_label_by_time_is_that_of_merge_asof(predictions, labels, tolerance, direction):
    place = match(*sides(predictions, labels), float(tolerance), direction)
    if not predictions or not labels:
        assert set(place) <= {NONE}
        return
    left = pd.DataFrame(predictions, columns=["code", "time"]).assign(row=range(len(predictions)))
    right = pd.DataFrame(labels, columns=["code", "time"]).assign(place=range(len(labels)))
    right["at"] = right["time"]
    merged = pd.merge_asof(
        left.sort_values("time", kind="stable"),
        right.sort_values("time", kind="stable"),
        on="time", by="code", direction=direction, tolerance=tolerance,
    ).sort_values("row")  # fmt: skip
    expected = merged["at"].to_numpy(dtype=float)
    found = np.array([labels[p][1] if p != NONE else np.nan for p in place], dtype=float)
    times = left["time"].to_numpy(dtype=float)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    # Of two that are equally near, either is right for pandas.
    assert np.array_equal(np.abs(found - times), np.abs(expected - times), equal_nan=True)
    assert all(labels[p][0] == predictions[row][0] for row, p in enumerate(place) if p != NONE)


@settings(max_examples=200, deadline=None)
@given(predictions=ROWS, labels=ROWS.map(lambda rows: list(dict.fromkeys(rows))))
def test_an_exact_time_is_a_merge(predictions, labels):
    place = match(*sides(predictions, labels), 0.0, "nearest")
    where = {row: number for number, row in enumerate(labels)}
    assert place.tolist() == [where.get(row, NONE) for row in predictions]


@settings(max_examples=200, deadline=None)
@given(
    predictions=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=20),
    labels=st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), max_size=20, unique=True
    ),
)
def test_keys_of_several_columns(predictions, labels):
    tables = [pd.DataFrame(rows, columns=["x", "y"]) for rows in (predictions, labels)]
    codes = key_codes(tables, ["x", "y"])
    place = match(Side(codes[0]), Side(codes[1]), 0.0, "nearest")
    where = {row: number for number, row in enumerate(labels)}
    assert place.tolist() == [where.get(row, NONE) for row in predictions]


def test_the_earlier_of_two_that_are_equally_near():
    assert match(*sides([(0, 5)], [(0, 7), (0, 3)]), 2.0, "nearest").tolist() == [1]


def test_a_text_is_no_number():
    with pytest.raises(AtlasError, match=r"key 'house': found number \(int64\) and text"):
        key_codes([pd.DataFrame({"house": [7]}), pd.DataFrame({"house": ["007"]})], ["house"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.Series([1, 2]), pd.Series([2.0, 1.0])),
        (pd.Series(["a", "b"], dtype="category"), pd.Series(["b", "a"])),
        (pd.Series(["a", "b"], dtype=object), pd.Series(["b", "a"], dtype="string")),
        (pd.Series([1, 2], dtype="Int64"), pd.Series([2, 1])),
    ],
)
def test_keys_that_are_written_in_other_types(one, other):
    first, second = key_codes([one.to_frame("k"), other.to_frame("k")], ["k"])
    assert first.tolist() == second[::-1].tolist()


def test_the_last_of_each():
    side = Side(np.array([1, 1, 2, 1]), np.array([5, 6, 5, 5]))
    assert last_of_each(side).tolist() == [False, True, True, True]
    assert last_of_each(side, first=True).tolist() == [True, True, True, False]


def test_what_a_column_holds():
    kinds = {
        "number": [pd.Series([1]), pd.Series([1, 2.5], dtype=object), pd.Series([True]), pd.Series([1], dtype="Int64")],
        "text": [pd.Series(["a", None]), pd.Series(["a"], dtype="category"), pd.Series(["a"], dtype=object)],
        "time": [pd.Series([pd.Timestamp("2026-01-01")])],
        "nothing": [pd.Series([None, None], dtype=object), pd.Series([], dtype=object)],
        "mixed-integer": [pd.Series([1, "a"], dtype=object)],
    }  # fmt: skip
    assert {kind: {kind_of(column) for column in columns} for kind, columns in kinds.items()} == {
        kind: {kind} for kind in kinds
    }
