"""The steps of the flights pipelines, one at a time: a constructor and a call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from steps import (
    WEATHER,
    AddPlanes,
    Evaluate,
    LoadTable,
    Report,
    Score,
    SplitByTime,
    TrainTrees,
    add_weather,
    clean,
)

from atlas.testing import MemoryData, recording

FACTS: dict[str, Any] = {"target": "late", "columns": ["hour", "distance"]}


@pytest.fixture
def departures() -> pd.DataFrame:
    """Four hundred departures: late in the evening, and a few that never left."""
    random = np.random.default_rng(7)
    hours = pd.date_range("2013-10-20 05:00", periods=400, freq="h", tz="UTC")
    delay = np.where(hours.hour > 16, 40.0, -5.0)
    delay[::50] = np.nan
    return pd.DataFrame(
        {
            "year": hours.year, "month": hours.month, "day": hours.day, "hour": hours.hour,
            "time_hour": hours.strftime("%Y-%m-%dT%H:%M:%SZ"), "arr_delay": delay,
            "carrier": "UA", "flight": np.arange(400), "tailnum": random.choice(["N1", "N2"], 400),
            "origin": "JFK", "distance": random.integers(100, 2000, 400),
        }
    )  # fmt: skip


def test_load_says_how_many_it_read(departures: pd.DataFrame) -> None:
    context, metrics = recording()
    assert LoadTable(context=context).run(MemoryData(departures)).rows is departures
    assert metrics == {"rows_read": 400}


def test_what_never_arrived_is_left_out(departures: pd.DataFrame) -> None:
    rows = clean(departures)
    assert len(rows) == 392
    assert rows["id"].is_unique
    assert set(rows[rows["late"]]["hour"]) == set(range(17, 24))
    assert "late" not in clean(departures.drop(columns="arr_delay"))


def test_weather_and_planes_are_added(departures: pd.DataFrame) -> None:
    rows = clean(departures)
    weather = rows[["origin", "month", "day", "hour"]].assign(**dict.fromkeys(WEATHER, 1.0))
    joined = add_weather(rows, pd.concat([weather, weather]))
    assert len(joined) == len(rows)
    assert joined["temp"].eq(1.0).all()
    context, metrics = recording()
    planes = pd.DataFrame({"tailnum": ["N1"], "year": [2003], "seats": [100]})
    known = AddPlanes(context=context).run(joined, planes).rows
    assert known["age"].dropna().unique().tolist() == [10]
    assert metrics == {"planes_known": pytest.approx(known["age"].notna().mean())}


def test_what_is_learnt_comes_before_what_is_tested(departures: pd.DataFrame) -> None:
    parts = SplitByTime(until="2013-11-01").run(clean(departures))
    assert parts.train["time_hour"].max() < parts.test["time_hour"].min()
    assert len(parts.train) + len(parts.test) == 392


def test_a_model_is_trained_measured_and_used(departures: pd.DataFrame) -> None:
    parts = SplitByTime(until="2013-11-01").run(clean(departures))
    model = TrainTrees(**FACTS, iterations=20).run(parts.train).model
    context, metrics = recording()
    measured = Evaluate(**FACTS, context=context).run(model, parts.test)
    assert metrics["roc_auc"] > 0.95
    assert metrics["brier"] == pytest.approx(measured.row_metrics["brier"].mean())
    scores = Score(columns=FACTS["columns"]).run(model, parts.test).scores
    assert list(scores.columns) == ["id", "time_hour", "origin", "carrier", "late"]
    airlines = pd.DataFrame({"carrier": ["UA"], "name": ["United <Air>"]})
    page = Report().run(measured.row_metrics, airlines).page
    assert "United &lt;Air&gt;" in page
