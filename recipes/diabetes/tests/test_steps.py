"""The steps of the diabetes pipelines, one at a time: a constructor and a call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from steps import (
    ChooseStrength,
    Evaluate,
    ListFolds,
    LoadPatients,
    Score,
    Split,
    TrainRidge,
    TryFold,
)

from atlas.testing import MemoryData, recording

FACTS: dict[str, Any] = {"target": "progression", "columns": ["bmi", "bp"]}


@pytest.fixture
def patients() -> pd.DataFrame:
    """Sixty patients, whose disease follows from two measurements but for some noise."""
    random = np.random.default_rng(7)
    rows = pd.DataFrame(random.normal(size=(60, 3)), columns=["bmi", "bp", "age"])
    progression = 150 + 40 * rows["bmi"] + 10 * rows["bp"] + random.normal(size=60)
    return rows.assign(patient=np.arange(60), progression=progression)


def test_load_says_how_many_it_read(patients: pd.DataFrame) -> None:
    context, metrics = recording()
    assert LoadPatients(context=context).run(MemoryData(patients)).rows is patients
    assert metrics == {"rows_read": 60}


def test_split_keeps_every_row_once(patients: pd.DataFrame) -> None:
    parts = Split(fraction=0.25).run(patients)
    assert (len(parts.train), len(parts.test)) == (45, 15)
    assert sorted([*parts.train["patient"], *parts.test["patient"]]) == list(range(60))


def test_each_fold_holds_out_other_patients(patients: pd.DataFrame) -> None:
    names = ListFolds(folds=3).run().names
    assert names == ["0", "1", "2"]
    tried = [TryFold(**FACTS, strengths=[0.1, 1e4]).run(patients, names, name) for name in names]
    assert len({one.errors["0.1"] for one in tried}) == 3
    assert all(one.errors["0.1"] < 2 < one.errors["10000.0"] for one in tried)


def test_the_strength_with_the_least_mean_error_is_chosen() -> None:
    context, metrics = recording()
    errors = [{"0.1": 3.0, "1.0": 1.0}, {"0.1": 1.0, "1.0": 2.0}]
    chosen = ChooseStrength(context=context).run(errors)
    assert chosen.strength == 1.0
    assert metrics == {"folds": 2, "mae": 1.5}
    assert "Strength 1.0: 1.5 off" in chosen.report
    assert "<table" in chosen.report


def test_a_model_learns_what_is_plain(patients: pd.DataFrame) -> None:
    model = TrainRidge(**FACTS).run(patients, strength=0.1).model
    measured = Evaluate(**FACTS).run(model, patients)
    assert measured.metrics["mae"] < 1
    assert measured.metrics["mse"] == measured.row_metrics["mse"].mean()
    assert set(measured.row_metrics["age"]) == {"older", "younger"}
    scores = Score(columns=FACTS["columns"]).run(model, patients.drop(columns="progression")).scores
    assert scores["patient"].equals(patients["patient"])
    assert (scores["progression"] - patients["progression"]).abs().max() < 5
