"""What a metric is likely to be follows from scores, with an interval that covers it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

from atlas.errors import ProfileError
from atlas.monitor.estimate import (
    ESTIMATED,
    Calibration,
    _isotonic,
    calibrate,
    estimate,
    scores_of,
)
from atlas.profiles.measure import batch, reference

TRUE = {
    "accuracy": lambda y, s: metrics.accuracy_score(y, s >= 0.5),
    "brier_score": metrics.brier_score_loss,
    "log_loss": metrics.log_loss,
    "roc_auc": metrics.roc_auc_score,
}


def rows(n, rng, a=1.0, b=1.0):
    """Scores of a model that is too sure of itself, and labels."""
    truth = rng.beta(a, b, n)
    odds = 2.0 * np.log(truth / (1.0 - truth)) + 0.3
    return 1.0 / (1.0 + np.exp(-odds)), rng.random(n) < truth


@pytest.mark.parametrize("metric", ESTIMATED)
@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (2.0, 2.0), (0.5, 1.5)])
def test_the_interval_covers_what_labels_show_later(metric, a, b):
    rng, covered, errors = np.random.default_rng(11), 0, []
    for _ in range(30):
        known = calibrate(*rows(2000, rng))
        scores, labels = rows(1000, rng, a, b)
        guess = estimate(known, scores, metric)
        truth = TRUE[metric](labels, scores)
        covered += guess.low <= truth <= guess.high
        errors.append(guess.value - truth)
        assert guess.rows == 1000
    assert covered >= 24
    assert abs(np.mean(errors)) <= 0.02


def test_a_model_that_is_less_sure_is_estimated_as_worse():
    rng = np.random.default_rng(12)
    known = calibrate(*rows(20_000, rng))
    usual = estimate(known, rows(5000, rng)[0], "accuracy")
    unsure = estimate(known, rows(5000, rng, 5.0, 5.0)[0], "accuracy")
    assert unsure.high < usual.low
    assert 0.0 < unsure.low < unsure.value < unsure.high < 1.0


def test_what_a_profile_has_counted_is_enough():
    rng = np.random.default_rng(13)
    scores, labels = rows(20_000, rng)
    later = rows(3000, rng, 2.0, 1.0)[0]
    known, beside = calibrate(scores, labels), reference({"score": scores})
    counted = scores_of(batch({"score": later}, beside).features["score"])
    for metric in ESTIMATED:
        exact = estimate(known, later, metric)
        near = estimate(known, counted[0], metric, counts=counted[1])
        assert near.value == pytest.approx(exact.value, abs=0.003)
        assert near.rows == 3000


def test_few_different_scores_are_kept_as_they_are():
    beside = reference({"score": [0.1, 0.2, 0.9] * 100})
    values, counts = scores_of(
        batch({"score": [0.2, 0.9, 0.9, math.nan]}, beside).features["score"]
    )
    assert values.tolist() == [0.2, 0.9]
    assert counts.tolist() == [1, 2]
    empty = scores_of(batch({"score": [math.nan]}, beside).features["score"])
    assert [len(part) for part in empty] == [0, 0]
    with pytest.raises(ProfileError, match="score: found a category; expected a score"):
        scores_of(reference({"score": ["a", "b"]}).features["score"])


def test_shares_are_those_of_isotonic_regression():
    rng = np.random.default_rng(14)
    for _ in range(20):
        counts = rng.integers(1, 50, 30)
        positive = rng.binomial(counts, np.linspace(0.1, 0.9, 30))
        expected = (
            IsotonicRegression()
            .fit(np.arange(30), positive / counts, counts)
            .predict(np.arange(30))
        )
        assert _isotonic(positive, counts) == pytest.approx(expected)


def test_metrics_are_those_of_the_labels():
    rng = np.random.default_rng(15)
    scores, labels = rows(500, rng)
    order = np.argsort(scores)
    for name, of in ESTIMATED.items():
        own = of(scores[order], labels[order].astype(int), np.ones(500, dtype=int), 0.5)
        assert own == pytest.approx(TRUE[name](labels, scores))


def test_equal_scores_give_equal_estimates():
    rng = np.random.default_rng(16)
    known, scores = calibrate(*rows(1000, rng)), rows(100, rng)[0]
    assert estimate(known, scores, "roc_auc") == estimate(known, scores[::-1], "roc_auc")
    assert Calibration.from_json(known.to_json()) == known


def test_scores_outside_of_trainings_are_told():
    known = calibrate(np.linspace(0.4, 0.6, 1000), np.arange(1000) % 2 == 0)
    guess = estimate(known, [0.1, 0.5, math.nan, 0.9], "accuracy")
    assert (guess.rows, guess.beyond) == (3, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("scores", "labels", "says"),
    [
        ([0.5] * 49, [True] * 49, "found 49 rows, 49 of them positive"),
        ([0.5] * 100, [True] * 96 + [False] * 4, "found 100 rows, 96 of them positive"),
        ([0.5] * 99 + [math.nan], [True, False] * 50, "expected a finite score"),
        ([0.5] * 100, [True], "found 100 scores and 1 labels"),
    ],
)
def test_too_little_teaches_nothing(scores, labels, says):
    with pytest.raises(ProfileError, match=says):
        calibrate(scores, labels)


@pytest.mark.parametrize(
    ("scores", "metric", "says"),
    [
        ([], "accuracy", "found accuracy of 0 scores"),
        ([math.nan], "accuracy", "found accuracy of 0 scores"),
        ([0.5], "rmse", "expected scores, and one of accuracy, brier_score, log_loss, roc_auc"),
        ([3.0], "log_loss", "found scores from 3 to 3; expected probabilities"),
    ],
)
def test_what_cant_be_estimated_is_refused(scores, metric, says):
    known = calibrate(np.linspace(0, 1, 100), np.arange(100) % 2 == 0)
    with pytest.raises(ProfileError, match=says):
        estimate(known, scores, metric)


@pytest.mark.parametrize(
    "change",
    [{"cuts": [2.0, 1.0]}, {"rows": [1]}, {"positive": [9**9] * 100}, {"low": "x"}, {"cuts": None}],
)
def test_a_damaged_calibration_is_refused(change):
    raw = calibrate(np.linspace(0, 1, 100), np.arange(100) % 2 == 0).to_json()
    with pytest.raises(ProfileError, match="a calibration is damaged"):
        Calibration.from_json({**raw, **change})
    with pytest.raises(ProfileError, match="a calibration is damaged"):
        Calibration.from_json([])
