"""Estimators whose state is objects of compiled code: they come back the same, or are refused."""

from __future__ import annotations

import importlib
import warnings

import numpy as np
import pytest

from atlas.errors import StoreError

ROWS = np.random.default_rng(0).random((60, 3))
LABELS = (ROWS[:, 0] > 0.5).astype(int)
KEPT = {
    "neighbors.KNeighborsClassifier": {"algorithm": "kd_tree"},
    "neighbors.KNeighborsRegressor": {"algorithm": "ball_tree"},
    "neighbors.LocalOutlierFactor": {"algorithm": "kd_tree", "novelty": True},
    "neighbors.KernelDensity": {},
    "linear_model.SGDClassifier": {"loss": "modified_huber"},
    "ensemble.HistGradientBoostingClassifier": {"max_iter": 5},
    "ensemble.IsolationForest": {"n_estimators": 5},
    "ensemble.GradientBoostingClassifier": {"n_estimators": 5},
    "tree.DecisionTreeRegressor": {},
}


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep joblib from starting a program that counts them."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")


def fitted(name: str, **options: object):
    module, _, kind = name.partition(".")
    estimator = getattr(importlib.import_module(f"sklearn.{module}"), kind)(**options)
    with warnings.catch_warnings(action="ignore"):
        return estimator.fit(ROWS, LABELS)


@pytest.mark.parametrize("name", KEPT)
def test_what_comes_back_predicts_the_same(store, name):
    model = fitted(name, **KEPT[name])
    store.put("p", "r", "s", "o", model)
    kept = store.get("p", "r", "s", "o")
    method = "predict" if hasattr(model, "predict") else "score_samples"
    assert np.array_equal(getattr(kept, method)(ROWS), getattr(model, method)(ROWS))


def test_what_cannot_be_kept_is_refused_with_the_way_out(store):
    with pytest.raises(StoreError, match=r"Birch.*make it plain data, or keep the output as"):
        store.put("p", "r", "s", "o", fitted("cluster.Birch", n_clusters=2))
