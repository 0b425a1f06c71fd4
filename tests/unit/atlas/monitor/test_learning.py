"""What training learns besides counts: tolerances from blocks of time, and what scores mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from atlas.monitor.learning import BLOCKS, WhatToLearn, learn
from atlas.profiles.codec import to_bytes

DAY = 86_400.0


def weekly(rows, days, seed=1):
    """A table whose weekends are different, in no order."""
    rng = np.random.default_rng(seed)
    when = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.random(rows) * days, unit="D")
    weekend = when.day_of_week.to_numpy() >= 5
    return pd.DataFrame({"when": when, "x": rng.normal(size=rows) + weekend, "y": rng.random(rows)})


def what(**facts):
    return WhatToLearn(**{"source": "load.rows", "columns": ("x", "y"), **facts})


def test_a_season_of_a_week_is_no_drift():
    _, learnt, _ = learn(weekly(84_000, 84), what(times=("when",), every=DAY))
    assert (learnt.time, learnt.block_seconds, learnt.rows) == ("when", DAY, 84_000)
    assert learnt.tolerances.blocks == BLOCKS
    assert learnt.tolerances.distributions["x"] > 0.2
    assert learnt.tolerances.distributions["y"] == 0.0
    assert learnt.varying == ("x", "y")


def test_what_is_missing_on_some_days_is_learnt():
    rows = weekly(84_000, 84)
    weekend = rows.when.dt.day_of_week >= 5
    draw = np.random.default_rng(4).random(len(rows))
    rows["x"] = rows.x.where(draw > 0.02 + 0.3 * weekend)
    rows["y"] = rows.y.where(draw > 0.02)
    _, learnt, _ = learn(rows, what(times=("when",), every=DAY))
    assert set(learnt.gaps) == {"x"}
    assert learnt.gaps["x"] == pytest.approx(0.32, abs=0.05)


def test_the_order_of_rows_is_no_order_of_time():
    """A table that is sorted by its label would else have tolerances that nothing exceeds."""
    rows = weekly(8400, 84).sort_values("x")
    _, learnt, notes = learn(rows, what(every=DAY))
    assert (learnt.time, learnt.block_seconds, learnt.tolerances) == ("", 0.0, None)
    assert (learnt.varying, learnt.outside, notes) == ((), {}, [])


def test_without_a_schedule_or_with_few_intervals_blocks_have_equally_many_rows():
    for facts in ({"every": 0.0}, {"every": 30 * DAY}):
        _, learnt, _ = learn(weekly(10_000, 84), what(times=("when",), **facts))
        assert (learnt.time, learnt.block_seconds) == ("when", 0.0)
        assert learnt.tolerances.blocks == BLOCKS


@pytest.mark.parametrize("rows", [0, 1, 239])
def test_too_few_rows_for_blocks(rows):
    profile, learnt, notes = learn(weekly(rows, 84), what(times=("when",), every=DAY))
    assert learnt.tolerances is None
    assert learnt.varying == ()
    assert profile.features["x"].rows == rows
    assert notes == []


def test_texts_are_times_and_rows_without_one_are_in_no_block():
    rows = weekly(20_000, 84)
    texts = rows.assign(when=rows.when.dt.strftime("%Y-%m-%dT%H:%M:%S"))
    zoned = rows.assign(when=rows.when.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    lists = [learn(t, what(times=("when",), every=DAY))[1] for t in (rows, texts, zoned)]
    assert lists[1].tolerances.blocks == lists[0].tolerances.blocks
    assert lists[1] == lists[2]
    gaps = rows.assign(when=rows.when.where(rows.index % 3 > 0))
    _, learnt, _ = learn(gaps, what(times=("when",), every=DAY))
    assert learnt.time == "when"
    assert learnt.rows == 20_000
    words = rows.assign(when="soon")
    assert learn(words, what(times=("when",), every=DAY))[1].time == ""


def test_tables_of_all_libraries_give_the_same_bytes():
    rows = weekly(5000, 30)
    rows["c"] = np.random.default_rng(3).choice(["a", "b", None], 5000)
    columns = {"columns": ("x", "y", "c"), "times": ("when",), "every": DAY}
    first, learnt, _ = learn(rows, what(**columns))
    again, same, _ = learn(pa.Table.from_pandas(rows), what(**columns))
    assert to_bytes(first) == to_bytes(again)
    assert learnt == same
    polars = pytest.importorskip("polars")
    third, also, _ = learn(polars.from_pandas(rows), what(**columns))
    assert to_bytes(first) == to_bytes(third)
    assert learnt == also


def test_scores_with_labels_give_a_calibration():
    rng = np.random.default_rng(2)
    scores = rng.random(2000)
    rows = pd.DataFrame(
        {"score": scores, "label": np.where(rng.random(2000) < scores, "yes", "no")}
    )
    asked = what(columns=("score",), score="score", label="label", positive="yes")
    _, learnt, notes = learn(rows, asked)
    assert notes == []
    assert learnt.score == "score"
    assert sum(learnt.calibration.rows) == 2000
    assert sum(learnt.calibration.positive) == int((rows.label == "yes").sum())
    rows.loc[::4, "label"] = None
    assert sum(learn(rows, asked)[1].calibration.rows) == 1500


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (pd.DataFrame({"score": [0.5] * 9}), "the table has no column 'label'"),
        (pd.DataFrame({"score": [0.5] * 9, "label": [1] * 9}), "found 9 rows, 9 of them positive"),
        (pd.DataFrame({"score": ["a"] * 9, "label": [1] * 9}), "could not convert"),
    ],
    ids=["no label", "too few", "no number"],
)
def test_without_a_calibration_a_note_says_why(rows, note):
    asked = what(columns=("score",), score="score", label="label", positive=1)
    _, learnt, notes = learn(rows, asked)
    assert learnt.calibration is None
    assert learnt.score == ""
    assert len(notes) == 1
    assert note in notes[0]


def test_of_two_columns_with_one_name_the_first_counts():
    rows = pd.DataFrame([[1.0, 2.0]] * 300, columns=["x", "x"])
    profile, _, _ = learn(rows, what(columns=("x", "gone")))
    assert set(profile.features) == {"x"}
    assert profile.features["x"].high == 1.0
