"""The steps of the tumour pipelines, one at a time: a constructor and a call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from steps import Evaluate, LoadTumours, Scale, Score, Split, TrainForest, WriteScores

from atlas.testing import MemoryData, recording

COLUMNS = ["mean radius", "mean texture"]


@pytest.fixture
def tumours() -> pd.DataFrame:
    """Forty tumours, of which the malignant ones are larger."""
    random = np.random.default_rng(7)
    malignant = np.arange(40) % 2
    return pd.DataFrame(
        {
            "patient": np.arange(40),
            "mean radius": 12 + 6 * malignant + random.normal(size=40),
            "mean texture": 19 + random.normal(size=40),
            "mean area": 450.0 + 300 * malignant,
            "malignant": malignant,
        }
    )


@pytest.fixture
def forest(tumours: pd.DataFrame) -> Any:
    trainer = TrainForest(target="malignant", columns=COLUMNS, trees=20)
    return trainer.run(tumours).model


def test_load_says_how_many_it_read(tumours: pd.DataFrame) -> None:
    context, metrics = recording()
    loaded = LoadTumours(context=context).run(MemoryData(tumours))
    assert loaded.rows is tumours
    assert metrics == {"rows_read": 40}


def test_scale_fits_in_training_and_applies_in_inference(tumours: pd.DataFrame) -> None:
    trained = Scale(columns=COLUMNS).run(tumours)
    assert np.allclose(trained.rows[COLUMNS].mean(), 0)
    assert np.allclose(trained.rows[COLUMNS].std(ddof=0), 1)
    assert trained.rows["patient"].equals(tumours["patient"])
    scored = Scale(columns=COLUMNS).run(tumours.head(1), fitted=trained.fitted)
    assert np.allclose(scored.rows[COLUMNS], trained.rows[COLUMNS].head(1))


def test_scale_leaves_its_input_alone(tumours: pd.DataFrame) -> None:
    before = tumours.copy()
    Scale(columns=COLUMNS).run(tumours)
    pd.testing.assert_frame_equal(tumours, before)


def test_split_keeps_every_row_once_and_the_share_of_the_target(tumours: pd.DataFrame) -> None:
    parts = Split(target="malignant", fraction=0.25).run(tumours)
    assert (len(parts.train), len(parts.test)) == (30, 10)
    assert sorted([*parts.train["patient"], *parts.test["patient"]]) == list(range(40))
    assert parts.test["malignant"].mean() == 0.5
    assert Split(target="malignant").run(tumours).test.equals(parts.test)


def test_a_forest_learns_what_is_plain(forest: Any, tumours: pd.DataFrame) -> None:
    assert forest.n_estimators == 20
    measured = Evaluate(target="malignant", columns=COLUMNS).run(forest, tumours)
    assert measured.metrics["roc_auc"] == 1.0
    assert measured.metrics["accuracy"] > 0.95
    assert measured.metrics["brier"] == measured.row_metrics["brier"].mean()


def test_each_row_says_whose_it_is_and_how_large_the_tumour_is(
    forest: Any, tumours: pd.DataFrame
) -> None:
    rows = Evaluate(target="malignant", columns=COLUMNS).run(forest, tumours).row_metrics
    assert rows["patient"].equals(tumours["patient"])
    assert rows["size"].tolist() == ["small", "large"] * 20
    assert rows["accuracy"].dtype == bool


def test_score_gives_a_probability_for_each_patient(forest: Any, tumours: pd.DataFrame) -> None:
    scores = Score(columns=COLUMNS).run(forest, tumours).scores
    assert scores["patient"].tolist() == tumours["patient"].tolist()
    assert scores["malignant"].between(0, 1).all()


def test_scores_are_written_where_the_environment_says(tumours: pd.DataFrame) -> None:
    target = MemoryData()
    WriteScores().run(tumours, target)
    assert target.value is tumours
