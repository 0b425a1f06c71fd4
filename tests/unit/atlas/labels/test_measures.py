"""Metrics by their names: scikit-learn is the oracle."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.labels.measures import MEASURES, Columns, measure_named

COLUMNS = Columns("y", "p", "s")
BINARY = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.floats(0.001, 0.999)),
    min_size=2,
    max_size=60,
).filter(lambda rows: len({label for label, *_ in rows}) == 2)
ORACLES = {
    "accuracy": lambda t: sklearn.metrics.accuracy_score(t["y"], t["p"]),
    "log_loss": lambda t: sklearn.metrics.log_loss(t["y"], t["s"]),
    "brier_score": lambda t: sklearn.metrics.brier_score_loss(t["y"], t["s"]),
    "roc_auc": lambda t: sklearn.metrics.roc_auc_score(t["y"], t["s"]),
    "mae": lambda t: sklearn.metrics.mean_absolute_error(t["y"], t["p"]),
    "mse": lambda t: sklearn.metrics.mean_squared_error(t["y"], t["p"]),
    "rmse": lambda t: sklearn.metrics.root_mean_squared_error(t["y"], t["p"]),
    "bias": lambda t: (t["p"] - t["y"]).mean(),
}


def value(name, rows, columns=COLUMNS):
    measure = measure_named(name)
    if measure.row is None:
        return measure.whole(rows, columns)
    return measure.finish(float(measure.row(rows, columns).mean()))


@pytest.mark.parametrize("name", MEASURES)
@settings(max_examples=60, deadline=None)
@given(rows=BINARY)
def test_a_metric_is_that_of_scikit_learn(name, rows):
    table = pd.DataFrame(rows, columns=["y", "p", "s"])
    assert math.isclose(value(name, table), ORACLES[name](table), rel_tol=1e-9, abs_tol=1e-12)


def test_any_function_of_scikit_learn():
    table = pd.DataFrame({"y": [0, 1, 1, 0], "p": [0, 1, 0, 0], "s": [0.1] * 4})
    assert value("f1_score", table) == sklearn.metrics.f1_score(table["y"], table["p"])


@pytest.mark.parametrize(
    "name", ["get_scorer", "__doc__", "check_scoring", "ConfusionMatrixDisplay", "nothing_score"]
)
def test_nothing_else_of_it(name):
    with pytest.raises(
        AtlasError, match=f"metric '{name}': expected accuracy, .* or a function of sklearn"
    ):
        measure_named(name)


def test_the_positive_class_may_be_a_text():
    table = pd.DataFrame({"y": ["yes", "no", "yes"], "s": [0.9, 0.2, 0.4]})
    assert value("roc_auc", table, Columns("y", score="s", positive="yes")) == 1.0


def test_one_class_has_no_area():
    table = pd.DataFrame({"y": [1, 1], "s": np.array([0.1, 0.2])})
    assert math.isnan(value("roc_auc", table))


def test_a_text_is_no_number():
    with pytest.raises(AtlasError, match=r"the column 's' is .*; expected numbers"):
        value("log_loss", pd.DataFrame({"y": [1], "s": ["high"]}))
