"""What other tools get wrong, as their users report it: each is a test of ours.

The name of a tool and the number of its report stand in each test.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from atlas.models.measurements import BatchMeasurement
from atlas.monitor.budget import Budget
from atlas.monitor.drift import ABSENCE, DISTRIBUTION, DriftRule, look
from atlas.monitor.tolerance import propose
from atlas.profiles.codec import digest, from_bytes, to_bytes
from atlas.profiles.measure import batch, reference

RULE = DriftRule(Budget(0.01))


def seen(first, later, rule=RULE):
    beside = reference({"x": first})
    return look(beside, [batch({"x": later}, beside)], 1, rule)


def alarms(first, later, rule=RULE):
    return {alarm.test for alarm in seen(first, later, rule).alarms}


@pytest.mark.parametrize("size", [30, 300, 3000, 30_000, 300_000])
def test_more_rows_dont_turn_a_quiet_column_into_drift(size):
    """evidently#50: the verdict flips with the sample's size. A tolerance is part of what is tested."""
    rng = np.random.default_rng(1)
    first = rng.standard_normal(50_000)
    later = rng.standard_normal(size) + 0.05  # a difference of .02, which nobody cares about
    assert alarms(first, later, DriftRule(Budget(0.01), {"x": 0.03})) == set()


def test_more_rows_never_hide_a_shift():
    """evidently#50, the other way round."""
    rng = np.random.default_rng(2)
    first = rng.standard_normal(50_000)
    sizes = (100, 1000, 10_000, 100_000)
    found = [bool(alarms(first, rng.standard_normal(size) + 0.4)) for size in sizes]
    assert found == sorted(found)
    assert found[1:] == [True, True, True]


@pytest.mark.parametrize("value", ["a", True, 1, 0.5])
@pytest.mark.parametrize("size", [1, 7, 5000])
def test_a_constant_column_has_a_distance_and_sizes_may_differ(value, size):
    """evidently#1929: a constant category gives NaN, and unequal sizes raise."""
    found = seen([value] * 100, [value] * size)
    assert found.alarms == ()
    assert {m.distance for m in found.measured} == {0.0}


def test_a_jump_in_missing_values_is_drift():
    """evidently#187: missing values are dropped, so more of them are invisible."""
    rng = np.random.default_rng(3)
    first, later = rng.standard_normal(5000), rng.standard_normal(1000)
    later[:200] = math.nan
    assert alarms(first, later) == {ABSENCE}


def test_texts_and_numbers_in_one_column_are_categories():
    """evidently#329: categories of mixed types raise."""
    first = ["a", 1, "1", 2.5, True, None] * 300
    assert alarms(first, first[:600]) == set()
    assert alarms(first, ["1"] * 600) >= {DISTRIBUTION}
    cells = reference({"x": first}).features["x"].cells
    assert {"1", "int 1"} <= set(cells)


def test_rows_of_training_arent_drift_whatever_the_season():
    """evidently#171: drift where the reference is production itself, for the window is a season."""
    rng = np.random.default_rng(4)
    days = [rng.standard_normal(500) + (0.4 if day % 7 >= 5 else 0.0) for day in range(70)]
    beside = reference({"x": np.concatenate(days)})
    blocks = [batch({"x": rows}, beside) for rows in days]
    strict = [look(beside, blocks[max(0, n - 8) : n], n, RULE).alarms for n in range(1, 71)]
    assert any(strict)
    learnt = DriftRule(Budget(0.01), propose(beside, blocks).distributions)
    for number in range(1, 71):
        assert look(beside, blocks[max(0, number - 8) : number], number, learnt).alarms == ()


def test_an_unseen_category_is_counted_and_named():
    """alibi-detect#191: a category that training hasn't seen raises."""
    found = seen(["a", "b"] * 500, ["a", "b", "new"] * 500)
    assert {alarm.test for alarm in found.alarms} == {DISTRIBUTION}
    assert dict(found.unseen["x"]) == {"new": 500}


def test_a_batch_without_a_value_moves_no_threshold():
    """nannyml#327: a chunk of NaN alone gives a wrong threshold."""
    rng = np.random.default_rng(5)
    beside = reference({"x": rng.standard_normal(5000)})
    usual = batch({"x": rng.standard_normal(1000)}, beside)
    nothing = batch({"x": np.full(1000, np.nan)}, beside)
    found = look(beside, [nothing], 1, RULE)
    assert {alarm.test for alarm in found.alarms} == {ABSENCE}
    alone = look(beside, [usual], 2, RULE)
    both = look(beside, [nothing, usual], 2, RULE)

    def threshold(of):
        (one,) = (m for m in of.measured if (m.test, m.window) == (DISTRIBUTION, 1))
        return one.threshold

    assert threshold(both) == threshold(alone)
    (two,) = (m for m in both.measured if (m.test, m.window) == (DISTRIBUTION, 2))
    assert two.rows == 1000


def test_many_different_texts_stay_texts():
    """nannyml#292: strings of many values are taken for numbers."""
    codes = [f"{number:05d}" for number in range(2000)]
    feature = reference({"x": codes}).features["x"]
    assert feature.kind in ("text", "category")
    later = batch({"x": [f"{number:09d}" for number in range(2000)]}, reference({"x": codes}))
    assert later.features["x"].foreign == 0
    assert alarms(codes, codes[:1000]) == set()


@pytest.mark.parametrize("first", [10, 1000, 5000])
@pytest.mark.parametrize("later", [10, 3000, 20_000])
def test_the_distance_is_right_for_ties_and_thousands_of_rows(first, later):
    """scipy#11184, #12999, #6575: the exact test is wrong for thousands of rows, and for ties."""
    rng = np.random.default_rng(first + later)
    one, other = rng.integers(0, 50, first), rng.integers(0, 55, later)
    found = next(m for m in seen(one, other).measured if m.test == DISTRIBUTION)
    points = np.unique(one)
    brute = max(abs((one <= p).mean() - (other <= p).mean()) for p in points)
    assert found.distance == pytest.approx(brute)
    assert 0.0 < found.threshold < math.inf
    assert 0.0 <= found.chance <= 1.0


@pytest.mark.parametrize("values", [1, 2, 3, 10])
def test_ties_cost_no_level(values):
    """MAPIE#984: the term for ties costs a martingale its level."""
    rng = np.random.default_rng(6)
    for _ in range(10):
        beside, last = reference({"x": rng.integers(0, values, 1000)}), []
        for number in range(1, 31):
            last = [*last[-7:], batch({"x": rng.integers(0, values, 500)}, beside)]
            assert look(beside, last, number, RULE).alarms == ()


def test_autocorrelation_is_a_tolerance_and_no_alarm():
    """alibi-detect#549: an autocorrelation of .7 lifts false alarms of KS from 5 to 35 %."""
    rng = np.random.default_rng(7)
    weights = 0.7 ** np.arange(40)
    fired = 0
    for _ in range(5):
        rows = np.convolve(rng.standard_normal(60_000), weights)[:60_000]
        beside = reference({"x": rows[:30_000]})
        blocks = [batch({"x": part}, beside) for part in np.split(rows, 60)]
        rule = DriftRule(Budget(0.01), propose(beside, blocks[:30]).distributions)
        later = blocks[30:]
        fired += any(look(beside, later[max(0, n - 8) : n], n, rule).alarms for n in range(1, 31))
    assert fired == 0


@pytest.mark.parametrize("rows", [[], [1.0], [math.nan], [1.0, 1.0]])
def test_profiles_of_no_row_and_of_one_value_add_up(rows):
    """whylogs#681: an empty sketch, or one of a single value, can't be merged."""
    beside = reference({"x": np.arange(100.0)})
    one, other = batch({"x": rows}, beside), batch({"x": np.arange(50.0)}, beside)
    for both in (one + other, other + one):
        assert both.features["x"].rows == 50 + len(rows)
        assert both.features["x"].counts.sum() == both.features["x"].present
    alone = reference({"x": rows}) + reference({"x": rows})
    assert alone.features["x"].rows == 2 * len(rows)


def test_equal_rows_give_equal_bytes_in_any_order():
    """datasketches: a KLL sketch has other bytes each time, and merging isn't deterministic."""
    rng = np.random.default_rng(8)
    rows = pd.DataFrame({"x": rng.random(5000), "c": rng.choice([*"abc"], 5000)})
    beside = reference(rows)
    assert to_bytes(beside) == to_bytes(reference(rows.sample(frac=1.0, random_state=1)))
    key, parts = (
        digest(beside),
        [batch(rows[at : at + 1000], beside) for at in range(0, 5000, 1000)],
    )
    forward, backward = parts[0], parts[-1]
    for part in parts[1:]:
        forward += part
    for part in parts[-2::-1]:
        backward += part
    assert to_bytes(forward, key) == to_bytes(backward, key) == to_bytes(batch(rows, beside), key)
    again = from_bytes(to_bytes(forward, key), beside, key)
    assert look(beside, [again], 1, RULE) == look(beside, [forward], 1, RULE)


def test_the_two_hours_of_the_end_of_daylight_saving_are_two_batches():
    """Times become ambiguous at the end of daylight saving: rows are joined twice, or lost."""
    zone = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    hours = [(first + timedelta(hours=n)).astimezone(zone) for n in range(4)]
    assert [hour.hour for hour in hours] == [2, 2, 3, 4]
    records = [
        BatchMeasurement("p", "run", 1, 1, start.isoformat(), end.isoformat())
        for start, end in pairwise(hours)
    ]
    assert len({record.batch for record in records}) == 3
    assert [r.time for r in records] == sorted(r.time for r in records)


def test_one_interval_has_one_name_in_every_time_zone():
    """Labels and features are a day apart where each is in its own zone."""
    start = datetime(2026, 3, 29, tzinfo=UTC)
    names = set()
    for zone in ("UTC", "Asia/Tokyo", "America/Los_Angeles", "Europe/Berlin"):
        local = [(start + timedelta(days=n)).astimezone(ZoneInfo(zone)).isoformat() for n in (0, 1)]
        names.add(BatchMeasurement("p", "run", 1, 1, *local).batch)
    assert names == {"20260329T000000Z-20260330T000000Z"}


def test_times_with_and_without_a_change_of_the_clock_are_the_same_column():
    """A column of local times is counted by its instants."""
    hours = pd.date_range("2026-10-24", periods=72, freq="h", tz="Europe/Berlin")
    first = pd.Series(hours)
    later = pd.Series(hours.tz_convert("UTC"))
    found = seen(first, later)
    assert {m.distance for m in found.measured} == {0.0}
