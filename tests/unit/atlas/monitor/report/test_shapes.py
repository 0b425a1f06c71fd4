"""Shapes: shares that add up, where the distributions differ, categories, odd numbers."""

from __future__ import annotations

import numpy
import pytest

from atlas.monitor.report.pictures import distribution, told
from atlas.monitor.report.shapes import BARS, BINS, OTHERS, absence_of, shape_of
from atlas.profiles import measure


def shape(then, now):
    reference = measure.reference({"x": then})
    batch = measure.batch({"x": now}, reference)
    return shape_of(reference.features["x"], batch.features["x"])


def test_bins_have_nearly_all_rows_and_are_those_of_the_data():
    rng = numpy.random.default_rng(1)
    then, now = rng.normal(0, 1, 20_000), rng.normal(1, 1, 5_000)
    found = shape(then, now)
    assert len(found.then) == len(found.now) == BINS == len(found.edges) - 1
    for shares, rows in ((found.then, then), (found.now, now)):
        exact = numpy.histogram(rows, found.edges)[0] / len(rows)
        assert sum(shares) > 0.97
        assert numpy.abs(numpy.subtract(shares, exact)).max() < 0.01
    assert found.gap is not None
    assert found.gap.at == pytest.approx(0.5, abs=0.15)
    assert found.gap.then - found.gap.now == pytest.approx(0.383, abs=0.03)
    assert found.gap.then == pytest.approx((then <= found.gap.at).mean())
    assert found.gap.now == pytest.approx((now <= found.gap.at).mean())


def test_the_most_frequent_value_at_the_edge_is_in_the_first_bin():
    rng = numpy.random.default_rng(1)
    rows = numpy.where(rng.random(5000) < 0.6, 0.0, rng.exponential(3.0, 5000))
    found = shape(rows, rows[:1000])
    assert found.then[0] > 0.6
    assert found.now[0] == pytest.approx(found.then[0], abs=0.05)


def test_a_shift_far_away_is_in_the_picture():
    rng = numpy.random.default_rng(1)
    found = shape(rng.normal(0, 1, 5000), rng.normal(100, 1, 500))
    assert found.edges[-1] > 100
    assert sum(found.now) > 0.97
    assert found.now[0] < 0.01


def test_few_values_and_categories_are_bars():
    found = shape([1.0, 2.0, 2.0, 3.0], [3.0, 3.0, 5.0, 5.0])
    assert found.labels == ("1", "2", "3", "above 3")
    assert found.then == (0.25, 0.5, 0.25, 0.0)
    assert found.now == (0.0, 0.0, 0.5, 0.5)
    names = [f"c{n:02d}" for n in range(20)]
    found = shape(names * 10, ["c03"] * 50 + ["new"] * 50)
    assert len(found.labels) == BARS + 1
    assert found.labels[-1] == OTHERS
    assert found.labels[0] == "c03"
    assert sum(found.then) == pytest.approx(1.0)
    assert sum(found.now) == pytest.approx(1.0)
    assert found.now[-1] >= 0.5


def test_what_is_missing_is_told():
    reference = measure.reference({"x": numpy.arange(100.0)})
    batch = measure.batch({"x": [1.0, None, None, 4.0]}, reference)
    found = absence_of(reference.features["x"], batch.features["x"])
    assert found.then == (0.0, 1.0)
    assert found.now == (0.5, 0.5)
    assert told(found) == "missing: 0 % at training, 50 % now."
    assert "Missing: 0 % at training, 50 % now." in told(shape(numpy.arange(100.0), [1.0, None]))


ODD = {
    "all missing": [None] * 4,
    "one": [7.0],
    "constant": [7.0] * 50,
    "infinite": [float("inf"), float("-inf"), 1.0, 2.0],
    "huge": [-1.7e308, 1.7e308] * 20,
    "tiny": [5e-324 * n for n in range(40)],
    "wide": [*(1.5**n for n in range(-600, 600, 20))],
    "text": ["x" * n for n in range(150)] * 2,
    "times": numpy.arange("2026-01-01", "2026-04-01", dtype="datetime64[D]"),
    "far times": numpy.array(["0001-01-01", "9999-12-31"] * 20, dtype="datetime64[s]"),
    "mixed": [1.0, "a", None, True],
}


@pytest.mark.parametrize("now", ODD)
@pytest.mark.parametrize("then", ODD)
def test_odd_columns_have_a_picture(then, now):
    found = shape(ODD[then], ODD[now])
    shares = (*found.then, *found.now)
    assert all(0.0 <= share <= 1.0 + 1e-9 for share in shares)
    text = distribution("x", found)
    assert text.startswith("<svg")
    assert not [bad for bad in ("nan", "inf ", "None") if f'"{bad}' in text or f" {bad}" in text]
