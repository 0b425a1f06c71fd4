"""Quiet streams are quiet, shifts are seen, and neither depends on ties, tails or sizes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from atlas.errors import ProfileError
from atlas.monitor import bounds
from atlas.monitor.budget import Budget
from atlas.monitor.drift import ABSENCE, DISTRIBUTION, DriftRule, look
from atlas.monitor.tolerance import propose
from atlas.profiles.measure import batch, reference

RULE = DriftRule(Budget(0.01))
LOOKS = 20


def stream(draw, sizes, first, rng):
    """The alarms of looks at batches of a stream, each with its look."""
    beside, alarms, last = reference(draw(first, rng)), [], []
    for number, size in enumerate(sizes, start=1):
        last = [*last[-7:], batch(draw(size, rng), beside)]
        alarms += [(number, alarm) for alarm in look(beside, last, number, RULE).alarms]
    return alarms


QUIET = {
    "normal": lambda n, rng: {"x": rng.standard_normal(n)},
    "ties": lambda n, rng: {"x": rng.integers(0, 3, n)},
    "heavy tails": lambda n, rng: {"x": rng.standard_cauchy(n)},
    "constant": lambda n, rng: {"x": np.zeros(n)},
    "categories": lambda n, rng: {"x": rng.choice([*"abcdefgh"], n)},
    "one category": lambda n, rng: {"x": ["a"] * n},
    "very many categories": lambda n, rng: {"x": [f"c{i}" for i in rng.integers(0, 10_000, n)]},
    "missing": lambda n, rng: {"x": np.where(rng.random(n) < 0.3, np.nan, rng.random(n))},
    "rarely missing": lambda n, rng: {"x": np.where(rng.random(n) < 0.002, np.nan, 1.0)},
    "all missing": lambda n, rng: {"x": np.full(n, np.nan)},
    "flags": lambda n, rng: {"x": rng.random(n) < 0.01},
}


@pytest.mark.parametrize("kind", QUIET)
@pytest.mark.parametrize(("size", "first"), [(30, 1000), (1000, 1000), (1000, 10_000)])
def test_a_quiet_stream_doesnt_alarm(kind, size, first):
    assert stream(QUIET[kind], [size] * LOOKS, first, np.random.default_rng(5)) == []


def test_batches_of_very_different_sizes_dont_alarm():
    sizes = [30, 20_000, 31, 1, 5000, 2, 100_000, 60]
    assert stream(QUIET["normal"], sizes, 1000, np.random.default_rng(6)) == []


@pytest.mark.parametrize(("shift", "within", "least"), [(0.5, 1, 0.99), (0.25, 3, 0.95)])
def test_a_shift_of_the_mean_is_seen_soon(shift, within, least):
    rng = np.random.default_rng(8)
    names = [f"f{i}" for i in range(50)]
    beside = reference(pd.DataFrame(rng.standard_normal((100_000, 50)), columns=names))
    seen = 0
    for _ in range(60):
        quiet = [batch(pd.DataFrame(rng.standard_normal((1000, 50)), columns=names), beside)]
        for number in range(1, within + 1):
            rows = pd.DataFrame(rng.standard_normal((1000, 50)), columns=names)
            rows["f7"] += shift
            quiet.append(batch(rows, beside))
            alarms = look(beside, quiet, 50 + number, RULE).alarms
            if alarms:
                assert {alarm.feature for alarm in alarms} == {"f7"}
                seen += 1
                break
    assert seen / 60 >= least


@pytest.mark.parametrize(
    ("first", "later", "test"),
    [
        (["a", "b"] * 5000, ["a", "b", "b", "b"] * 500, DISTRIBUTION),
        ([True, False] * 5000, [True] * 2000, DISTRIBUTION),
        ([*"abcd"] * 2500, ["new"] * 2000, DISTRIBUTION),
        ([1.0, 2.0] * 5000, [1.0, 2.0, math.nan, math.nan] * 500, ABSENCE),
        ([1.0] * 10_000, [1.0] * 1900 + [math.nan] * 100, ABSENCE),
        ([1.0, math.nan] * 5000, [1.0] * 2000, ABSENCE),
        ([1.0] * 10_000, [math.nan] * 2000, ABSENCE),
        ([1.0, 2.0] * 5000, ["x", "y"] * 1000, ABSENCE),
        ([0.0] * 10_000, [1.0] * 2000, DISTRIBUTION),
    ],
)  # fmt: skip
def test_what_a_mean_doesnt_show_is_seen(first, later, test):
    beside = reference({"x": first})
    alarms = look(beside, [batch({"x": later}, beside)], 1, RULE).alarms
    assert {alarm.test for alarm in alarms} == {test}
    assert alarms[0].chance < 1e-6
    assert alarms[0].distance > alarms[0].threshold


def test_what_a_tolerance_allows_is_no_drift():
    rng = np.random.default_rng(9)
    beside = reference({"x": rng.random(100_000)})
    later = [batch({"x": rng.random(5000) ** 1.5}, beside)]
    far = look(beside, later, 1, RULE).measured[0]
    assert far.alarms
    allowed = DriftRule(Budget(0.01), tolerances={"x": 0.16})
    assert look(beside, later, 1, allowed).alarms == ()


def test_columns_that_are_gone_and_new_categories_are_named():
    beside = reference({"x": [1.0] * 100, "c": ["a"] * 100})
    seen = look(beside, [batch({"c": ["a", "b"]}, beside)], 1, RULE)
    assert seen.gone == ("x",)
    assert {name: dict(labels) for name, labels in seen.unseen.items()} == {"c": {"b": 1}}


def test_a_column_that_was_gone_for_a_while_is_looked_at_again():
    beside = reference({"x": np.arange(1000.0), "y": np.arange(1000.0)})
    rows = {"x": np.arange(1000.0), "y": np.arange(1000.0)}
    without = {"x": np.arange(1000.0)}
    batches = [batch(part, beside) for part in (rows, without, rows)]
    measured = look(beside, batches, 3, RULE).measured
    rows_of_y = {m.window: m.rows for m in measured if (m.feature, m.test) == ("y", DISTRIBUTION)}
    assert rows_of_y == {1: 1000, 2: 1000}


def test_an_empty_batch_is_no_drift():
    beside = reference({"x": [1.0] * 100, "c": ["a"] * 100})
    seen = look(beside, [batch({"x": [], "c": []}, beside)], 1, RULE)
    assert seen.measured == ()


def test_batches_of_another_reference_are_refused():
    one, other = reference({"x": np.arange(10.0)}), reference({"x": np.arange(20.0)})
    with pytest.raises(ProfileError, match="x: the batch was counted beside another reference"):
        look(one, [batch({"x": [1.0]}, other)], 1, RULE)
    with pytest.raises(ProfileError, match="found 0 batches"):
        look(one, [], 1, RULE)


@pytest.mark.parametrize("looks", [0, 1, 100])
def test_the_budget_is_never_overspent(looks):
    budget = Budget(0.01, looks)
    spent = [budget.spent(number) for number in (1, looks or 1, 1000, 10_000)]
    assert spent == sorted(spent)
    assert spent[-1] <= 0.01
    assert all(budget.at(number) > 0 for number in (1, 99, 100, 101, 10_000))


def test_the_chances_are_ranked_by_benjamini_and_hochberg():
    rng = np.random.default_rng(12)
    rows = {f"f{i}": rng.standard_normal(5000) for i in range(10)}
    beside = reference(rows)
    later = {name: values + (name == "f3") for name, values in rows.items()}
    measured = look(beside, [batch(later, beside)], 1, RULE).measured
    assert measured[0].feature == "f3"
    assert [m.adjusted for m in measured] == sorted(m.adjusted for m in measured)
    assert all(m.chance <= m.adjusted <= 1.0 for m in measured)


@pytest.mark.parametrize("rows", [1, 10, 1000, 10**6])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 1.0])
def test_limits_of_a_share_hold_both_ways(rows, share):
    count = np.array([round(share * rows)])
    low, high = bounds.share(count, np.array([rows]), 1e-6)
    found = count / rows
    assert 0.0 <= low[0] <= found[0] <= high[0] <= 1.0
    below, above = (
        bounds.unlikely(found, np.array([rows]), 1e-6, np.array([side])) for side in (False, True)
    )
    assert 0.0 <= below[0] <= found[0] <= above[0] <= 1.0


def test_limits_of_a_share_are_as_wide_as_the_binomial_distribution_asks():
    rng = np.random.default_rng(13)
    counts = rng.binomial(200, 0.05, 20_000)
    low, high = bounds.share(counts, np.full(20_000, 200), 0.01)
    assert (low > 0.05).mean() <= 0.01
    assert (high < 0.05).mean() <= 0.01


def test_equal_blocks_propose_no_tolerance_and_different_ones_their_difference():
    rng = np.random.default_rng(14)
    rows = pd.DataFrame({"same": rng.random(50_000), "week": rng.random(50_000)})
    rows["gaps"] = np.where(rng.random(50_000) < 0.1, np.nan, 1.0)
    weekend = np.arange(50_000) // 1000 % 7 >= 5
    rows.loc[weekend, "week"] **= 2
    rows.loc[weekend, "gaps"] = np.nan
    beside = reference(rows)
    blocks = [batch(rows.iloc[at : at + 1000], beside) for at in range(0, 50_000, 1000)]
    proposed = propose(beside, blocks)
    assert proposed.distributions["same"] <= 0.01
    assert 0.10 <= proposed.distributions["week"] <= 0.25
    assert proposed.missing["gaps"] >= 0.5
    assert proposed.missing["same"] == 0.0
    rule = DriftRule(Budget(0.01), proposed.distributions, proposed.missing)
    for end in range(1, len(blocks) + 1):
        assert look(beside, blocks[max(0, end - 8) : end], end, rule).alarms == ()


def test_too_few_blocks_or_other_rows_propose_nothing():
    beside = reference({"x": np.arange(80.0)})
    part = batch({"x": np.arange(10.0)}, beside)
    with pytest.raises(ProfileError, match="found 7 blocks of rows, expected at least 8"):
        propose(beside, [part] * 7)
    with pytest.raises(ProfileError, match="isn't a part of the reference's rows"):
        propose(beside, [batch({"x": np.zeros(90)}, beside)] * 8)
