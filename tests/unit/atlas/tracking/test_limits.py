"""What MLflow can hold: names that come back, values and sizes that fit, and nothing lost."""

from __future__ import annotations

import json
import math
import posixpath
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atlas.tracking.limits import (
    EXACT,
    MODEL_TAG,
    NAME,
    PARAM,
    batches,
    fitted,
    fitting,
    mapped,
    original,
    wire,
)
from atlas.tracking.record import RunRecord


def is_taken(name: str) -> bool:
    """MLflow's own rules, as of 3.17 (mlflow/utils/validation.py)."""
    norm = posixpath.normpath(name)
    is_path = norm != name or norm == "." or norm.startswith(("..", "/"))
    return bool(re.fullmatch(r"[/\w.\- :]*", name)) and not is_path and 0 < len(name) <= 250


@given(st.one_of(st.text(max_size=30), st.text("_x0123af/.@ :", max_size=30)))
@example("precision@10")
@example("_x4@")
@example("_x5f_x40_")
@example("a//b/../c/./")
@example("..")
@example("")
def test_a_name_comes_back(name):
    assert is_taken(mapped(name))
    assert original(mapped(name)) == name


@given(st.text(min_size=200, max_size=600))
def test_a_long_name_is_taken(name):
    assert is_taken(mapped(name))


def test_names_that_mlflow_takes_stay():
    for name in ("train.roc_auc", "with space", "a/b", "a:b", "é", "日本", "coef_x1", "_x", "x_xe"):
        assert mapped(name) == name
    assert mapped("train.precision@10") == "train.precision_x40_10"
    long = {mapped("x" * 300), mapped("x" * 301), mapped("x" * NAME)}
    assert len(long) == 3
    assert {len(one) for one in long} == {NAME}


def record(**fields) -> RunRecord:
    return RunRecord("e", "r", "FINISHED", 1, 2, **fields)


def test_what_fits_is_as_it_was():
    plain = record(metrics={"a.b@": (1.0, 5)}, params={"p": "v"}, tags={"t": "x"})
    found, changed = fitted(plain)
    assert (found.metrics, changed, found.artifacts) == ({"a.b_x40_": (1.0, 5)}, (), {})


def test_what_doesn_t_fit_is_whole_in_an_artifact():
    metrics = {"inf": (math.inf, 1), "nan": (math.nan, 1), "x" * 300: (-math.inf, 1)}
    odd = record(metrics=metrics, params={"p": "v" * 7000}, tags={"t": "v" * 9000})
    found, changed = fitted(odd)
    assert len(changed) == 5
    assert all(math.isfinite(v) or math.isnan(v) for v, _ in found.metrics.values())
    assert len(found.params["p"]) == PARAM
    exact = json.loads(found.artifacts[EXACT])
    assert exact["metrics"] == {"inf": "inf", "nan": "nan", "x" * 300: "-inf"}
    assert exact["params"] == {"p": "v" * 7000}
    assert exact["tags"] == {"t": "v" * 9000}
    assert wire(math.nan) == "NaN"


@given(st.lists(st.text(max_size=6000), max_size=250))
def test_batches_are_of_the_size_that_mlflow_takes(values):
    items = [{"key": str(n), "value": v} for n, v in enumerate(values)]
    found = [*batches(items)]
    assert [one for batch in found for one in batch] == items
    for batch in found:
        assert len(batch) <= 100
        assert len(json.dumps({"run_id": "0" * 32, "params": batch})) < 1_000_000


@pytest.mark.parametrize("count", [10, 20_000])
def test_a_version_s_metrics_fit_into_a_tag(count):
    metrics = {f"step.{n:06}": 0.1 for n in range(count)}
    text = json.dumps(metrics, separators=(",", ":"))
    (tag,) = fitting({"atlas.metrics": text})
    kept = json.loads(tag["value"])
    assert len(tag["value"]) <= MODEL_TAG
    assert kept.items() <= metrics.items()
    assert kept == metrics or len(kept) > 4000
