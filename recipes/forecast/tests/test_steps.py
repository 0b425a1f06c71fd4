"""The steps of the forecast pipelines, one at a time: a constructor and a call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from steps import Evaluate, Forecast, LoadOutcomes, LoadWeeks, SplitByTime, TrainLine

from atlas.testing import MemoryData

COLUMNS = ["growth", "season"]


@pytest.fixture
def source() -> MemoryData:
    """Six years of Saturdays: a line, and a wave of a year's length."""
    weeks = pd.date_range("1970-01-03", periods=312, freq="7D")
    number = np.arange(312)
    return MemoryData(
        pd.DataFrame({"week": weeks, "co2": 320 + number / 52 + np.sin(number * np.pi / 26)})
    )


def test_weeks_know_nothing_of_what_comes_later(source: MemoryData) -> None:
    until = "1972-01-01T00:00:00+00:00"
    early = LoadWeeks(since="", until=until).run(source).rows
    late = LoadWeeks(since="", until="").run(source).rows
    assert early["week"].max() < pd.Timestamp("1972-01-01")
    known = ["week", "level", *COLUMNS]
    pd.testing.assert_frame_equal(early[known], late[known].head(len(early)))
    assert early["came"].isna().sum() == 26
    assert LoadWeeks(since="", until=until, finished=True).run(source).rows["came"].notna().all()


def test_an_interval_has_its_own_weeks(source: MemoryData) -> None:
    year = ("1973-01-01T00:00:00+00:00", "1974-01-01T00:00:00+00:00")
    rows = LoadWeeks(since=year[0], until=year[1]).run(source).rows
    assert set(rows["week"].dt.year) == {1973}
    assert len(rows) == 52


def test_a_gap_in_the_measurements_is_bridged(source: MemoryData) -> None:
    table = source.value.copy()
    table.loc[100:102, "co2"] = None
    rows = LoadWeeks(since="", until="").run(MemoryData(table)).rows
    assert rows["level"].notna().all()


def test_outcomes_are_those_of_half_a_year_later(source: MemoryData) -> None:
    rows = LoadOutcomes(until="1971-01-01T00:00:00+00:00").run(source).rows
    assert len(rows) == 52 - 26
    assert rows["co2"].iloc[0] == source.value["co2"].iloc[26]


def test_nothing_that_is_learnt_from_ends_within_the_test(source: MemoryData) -> None:
    rows = LoadWeeks(since="", until="", finished=True).run(source).rows
    parts = SplitByTime(test_weeks=52).run(rows)
    assert len(parts.test) == 52
    assert parts.train["week"].max() + pd.Timedelta(weeks=26) < parts.test["week"].min()


def test_a_line_and_a_wave_are_learnt(source: MemoryData) -> None:
    rows = LoadWeeks(since="", until="", finished=True).run(source).rows
    model = TrainLine(columns=COLUMNS).run(rows).model
    assert list(model) == [*COLUMNS, "constant"]
    assert Evaluate().run(model, rows).metrics["mae"] < 0.01
    scores = Forecast().run(model, rows.drop(columns="came")).scores
    assert (scores["forecast"] - rows["came"]).abs().max() < 0.05
