"""Statistics of columns, against what pandas and numpy say, and of columns of every kind."""

from __future__ import annotations

import datetime
import json
import math
from decimal import Decimal

import numpy
import pandas
import pytest

from atlas.metrics.catalogue import OTHER, PROBABILITIES
from atlas.metrics.statistics import MOST_CATEGORIES, MOST_DISTINCT, statistics_of
from atlas.values import canonical


def test_numbers_are_what_numpy_says() -> None:
    values = numpy.random.default_rng(1).normal(3, 2, 1000)
    column = pandas.Series([*values, math.nan, math.inf, -math.inf])
    found = statistics_of(column)
    assert (found["values"], found["missing"], found["infinite"]) == (1002, 1, 2)
    assert found["mean"] == pytest.approx(values.mean())
    assert found["standard_deviation"] == pytest.approx(values.std())
    assert (found["minimum"], found["maximum"]) == (values.min(), values.max())
    assert [*found["quantiles"]] == [f"{p:g}" for p in PROBABILITIES]
    assert [*found["quantiles"].values()] == pytest.approx(numpy.quantile(values, PROBABILITIES))


def test_categories_are_bounded_and_the_same_for_the_same_rows() -> None:
    names = [f"c{i:02}" for i in range(MOST_CATEGORIES + 5) for _ in range(i + 1)]
    found = statistics_of(pandas.Series([*names, None]))
    assert (found["distinct"], found["missing"]) == (MOST_CATEGORIES + 5, 1)
    assert len(found["categories"]) == MOST_CATEGORIES + 1
    assert found["categories"][OTHER] == 1 + 2 + 3 + 4 + 5
    assert sum(found["categories"].values()) == len(names)
    assert statistics_of(pandas.Series([*reversed(names), None])) == found


def test_a_category_that_is_called_as_the_rest_is_counted_with_it() -> None:
    names = [f"c{i:02}" for i in range(MOST_CATEGORIES + 1)]
    found = statistics_of(pandas.Series([*names, OTHER, OTHER, OTHER]))["categories"]
    assert sum(found.values()) == len(names) + 3
    assert found[OTHER] == 3 + 2


def test_ids_of_persons_are_no_categories() -> None:
    found = statistics_of(pandas.Series([f"person {i}" for i in range(MOST_DISTINCT + 1)]))
    assert found == {"values": MOST_DISTINCT + 1, "missing": 0, "distinct": MOST_DISTINCT + 1}


COLUMNS = {
    "empty": pandas.Series([], dtype="float64"),
    "empty objects": pandas.Series([], dtype=object),
    "all missing": pandas.Series([None, None]),
    "all nan": pandas.Series([math.nan]),
    "all infinite": pandas.Series([math.inf, -math.inf]),
    "constant": pandas.Series([5.0] * 3),
    "one": pandas.Series([5]),
    "booleans": pandas.Series([True, False, True]),
    "nullable booleans": pandas.Series([True, None], dtype="boolean"),
    "nullable integers": pandas.Series([1, None, 3], dtype="Int64"),
    "big integers": pandas.Series([2**63 - 1, -(2**63)]),
    "huge": pandas.Series([1e308, 1e308, -1e308]),
    "half": pandas.Series([1, 2], dtype="float16"),
    "decimals": pandas.Series([Decimal("1.5"), None, Decimal("2.5")]),
    "complex": pandas.Series([1 + 2j]),
    "times": pandas.Series(pandas.to_datetime(["2026-01-01", None])),
    "zoned times": pandas.Series(pandas.to_datetime(["2026-01-01"]).tz_localize("UTC")),
    "durations": pandas.Series(pandas.to_timedelta(["1 day", "2 days"])),
    "dates": pandas.Series([datetime.date(2026, 1, 1), None]),
    "categorical": pandas.Series(pandas.Categorical(["a", "b", None], categories=["a", "b", "c"])),
    "mixed": pandas.Series(["a", 1, None, 2.5]),
    "lists": pandas.Series([[1], [2], None]),
    "bytes": pandas.Series([b"a", b"\xff"]),
    "hostile": pandas.Series(['a"b', "a\\b", "a\nb", "\ud800", "\0", "é"], dtype=object),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_kind_of_column_gives_plain_finite_data(name: str) -> None:
    column = COLUMNS[name]
    found = statistics_of(column)
    assert found["values"] + found["missing"] == len(column)
    assert json.loads(canonical(found)) == found
    numbers = [value for value in found.values() if isinstance(value, float)]
    assert all(map(math.isfinite, numbers))


def test_what_numbers_are_is_told_by_their_values() -> None:
    assert statistics_of(COLUMNS["decimals"])["mean"] == 2
    assert statistics_of(COLUMNS["booleans"])["mean"] == pytest.approx(2 / 3)
    assert statistics_of(COLUMNS["nullable integers"])["maximum"] == 3
    assert statistics_of(COLUMNS["constant"])["standard_deviation"] == 0
    assert statistics_of(COLUMNS["categorical"])["categories"] == {"a": 1, "b": 1}
    assert "mean" not in statistics_of(COLUMNS["all infinite"])
