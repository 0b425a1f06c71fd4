"""Intervals of a mean: SciPy is the oracle, and draws of known populations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from atlas.cards.intervals import FEW, Interval, interval_of


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_proportion_has_the_exact_interval(case):
    successes, count = case
    values = np.repeat([1.0, 0.0], [successes, count - successes])
    expected = binomtest(successes, count).proportion_ci(0.95, "exact")
    found = interval_of(values)
    assert found.method == "exact"
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


@pytest.mark.parametrize("successes", [0, 3, 19_000, 20_000])
def test_a_proportion_of_many_rows_has_wilson_s(successes):
    values = np.repeat([1.0, 0.0], [successes, 20_000 - successes])
    expected = binomtest(successes, 20_000).proportion_ci(0.95, "wilson")
    found = interval_of(values)
    assert found.method == "Wilson"
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(("count", "method"), [(60, "bootstrap"), (2_000, "normal approximation")])
def test_an_interval_holds_the_true_mean_as_often_as_it_says(count, method):
    """Of 400 samples of a skewed population, about 20 intervals may miss its mean."""
    random = np.random.default_rng(3)
    found = [interval_of(random.exponential(1.0, count)) for _ in range(400)]
    assert {interval.method for interval in found} == {method}
    misses = sum(not interval.low <= 1.0 <= interval.high for interval in found)
    assert 5 <= misses <= 40


def test_equal_rows_give_equal_intervals():
    values = np.random.default_rng(1).normal(size=50)
    assert interval_of(values) == interval_of(values.copy())


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "no rows"),
        ([0.5, np.nan], "some rows have no value"),
        ([0.5] * (FEW - 1), f"fewer than {FEW} rows"),
        ([0.5] * FEW, "all rows have the same value"),
    ],
)
def test_why_there_is_none(values, why):
    assert interval_of(np.array(values)) == Interval(None, None, why)
