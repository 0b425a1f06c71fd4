"""Columns are counted exactly, whatever they hold, and at the reference's places."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from atlas.profiles.columns import BOOLEAN, CATEGORY, NUMBER, TEXT, TIME, read
from atlas.profiles.measure import batch, reference
from atlas.profiles.profile import CELLS, CUTS

RANDOM = np.random.default_rng(7)


def feature(values: object, name: str = "x"):
    return reference({name: values}).features[name]


@pytest.mark.parametrize(
    ("values", "kind", "missing"),
    [
        (pd.Series([1.0, None, 3.0]), NUMBER, 1),
        (pd.Series([1, 2, 3]), NUMBER, 0),
        (pd.Series([1, None, 3], dtype="Int64"), NUMBER, 1),
        (np.array([1.5, np.nan]), NUMBER, 1),
        (pa.array([1, None, 3]), NUMBER, 1),
        (pa.chunked_array([[1.0], [None], [float("nan")]]), NUMBER, 2),
        (pd.Series([True, False, None]), BOOLEAN, 1),
        (pd.Series([True, False]), BOOLEAN, 0),
        (pd.Series(["a", None, "b"]), CATEGORY, 1),
        (pd.Series(["a", "b", None], dtype="category"), CATEGORY, 1),
        (pd.Series([1, 2, 1], dtype="category"), NUMBER, 0),
        (pd.to_datetime(pd.Series(["2026-03-29", None])), TIME, 1),
        (pd.Series([date(2026, 3, 29), None]), TIME, 1),
        (pd.Series([datetime(2026, 3, 29, tzinfo=UTC)]), TIME, 0),
        (pd.Series([None, None]), CATEGORY, 2),
        (pd.Series([np.nan, np.nan]), NUMBER, 2),
        (pd.Series([], dtype=float), NUMBER, 0),
        (pd.Series([f"text {i}" for i in range(300)]), TEXT, 0),
        (["a", None, 1], CATEGORY, 1),
    ],
    ids=str,
)
def test_kinds_and_missing_values(values, kind, missing):
    column = feature(values)
    assert (column.kind, column.missing, column.foreign) == (kind, missing, 0)
    assert column.rows == len(values)
    assert column.counts.sum() == column.present


def test_values_of_mixed_types_are_different_categories():
    column = read(pd.Series([1, "1", True, 1.5, None], dtype=object))
    assert column.counts == {"int 1": 1, "1": 1, "true": 1, "float 1.5": 1}
    assert column.missing == 1


def test_a_whole_float_is_the_category_of_its_integer():
    column = read(pd.Series([1.0, 2.0, 2.0]), CATEGORY)
    assert column.counts == {"int 1": 1, "int 2": 2}


@pytest.mark.parametrize("rows", [1, 2, 5, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("kind", ["normal", "ties", "heavy"])
def test_the_distribution_at_the_cut_points_is_exact(rows, kind):
    values = {
        "normal": RANDOM.standard_normal,
        "ties": lambda n: np.round(RANDOM.standard_normal(n) * 2),
        "heavy": RANDOM.standard_cauchy,
    }[kind](rows)
    column = feature(values)
    assert len(column.cuts) <= CUTS
    later = values + 0.25
    counted = batch({"x": later}, reference({"x": values})).features["x"]
    for cut, below in zip(column.cuts, np.cumsum(counted.counts), strict=False):
        assert below == (later <= cut).sum()


def test_infinite_values_are_counted_at_the_ends():
    column = feature(np.array([-np.inf, 0.0, np.inf, np.inf]))
    assert (column.low, column.high) == (-np.inf, np.inf)
    assert column.counts.tolist() == [1, 1, 2, 0]


def test_the_most_frequent_categories_are_counted_each():
    values = [f"c{i:03}" for i in range(400) for _ in range(2 + 2 * (i < 256))]
    column = feature(values)
    assert len(column.cells) == CELLS
    assert set(column.cells) == {f"c{i:03}" for i in range(256)}
    assert (column.counts[-1], column.distinct, len(column.unseen)) == (288, 400, 100)


def test_new_categories_are_named_and_counted():
    first = reference({"x": ["a", "b", "a"]})
    later = batch({"x": ["a", "zebra", "zebra", "new"]}, first).features["x"]
    assert later.counts.tolist() == [1, 0, 3]
    assert dict(later.unseen) == {"zebra": 2, "new": 1}


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ([1.0, 2.0], ["a", "b"]),
        ([1.0, 2.0], [True, False]),
        ([1.0, 2.0], pd.to_datetime(pd.Series(["2026-01-01", "2026-01-02"]))),
        (pd.to_datetime(pd.Series(["2026-01-01"])), [1.0, 2.0]),
        ([True, False], ["yes", "no"]),
        ([f"text {i}" for i in range(300)], [1.0, 2.0]),
    ],
    ids=str,
)
def test_values_of_another_kind_are_counted_apart(first, later):
    column = batch({"x": later}, reference({"x": first})).features["x"]
    assert (column.foreign, column.present, column.missing) == (2, 0, 0)


def test_integers_with_missing_values_stay_numbers():
    first = reference({"x": [1, 2, 3]})
    later = batch({"x": pd.Series([1.0, np.nan])}, first).features["x"]
    assert (later.kind, later.missing, later.present) == (NUMBER, 1, 1)


def test_columns_that_a_batch_lacks_are_left_out():
    first = reference({"x": [1.0], "y": [2.0]})
    assert set(batch({"y": [1.0], "z": [3.0]}, first).features) == {"y"}
