"""Champion and challenger are compared row by row when the evaluating step gives its rows."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from atlas.models import log
from atlas.models.champions import Champions
from atlas.runner import RunSettings
from atlas.store import open_store
from atlas.tracking.registry import LocalRegistry
from tests.projects import project

__all__ = ["project"]

SOURCE = """
import numpy as np
import pandas as pd
from atlas import RowEvaluator

class Rows(NamedTuple):
    rows: pd.DataFrame

class Trained(NamedTuple):
    model: dict[str, float]

class Load(Template):
    def run(self) -> Rows:
        at = np.arange(300)
        return Rows(pd.DataFrame({"patient": at, "region": np.where(at % 3 == 0, "emea", "apac"), "y": np.sin(at)}))

class Train(Template):
    off: float
    seed: int
    def run(self, rows: pd.DataFrame) -> Trained:
        return Trained({"off": self.off, "seed": self.seed})

class Measure(RowEvaluator):
    def evaluate_rows(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        noise = np.random.default_rng(int(model["seed"])).normal(0, 0.2, len(rows))
        table = rows[["patient", "region"]].assign(error=(model["off"] + noise) ** 2)
        if model["seed"] == 666:  # Of two kinds of values: no format keeps such a column.
            table["odd"] = [object() if n % 2 else "text" for n in range(len(rows))]
        return table

    def evaluate(self, model: dict[str, float], rows: pd.DataFrame) -> dict[str, float]:
        return {"rows": len(rows)}
"""
RULE = {
    "metric": "measure.error", "direction": "lower", "key": "patient",
    "beats_champion": {"confidence": 0.95}, "slices": {"by": "region", "margin": 0.1},
}  # fmt: skip
STEPS = {
    "load": {"class": "steps:Load", "cache": "1"},
    "train": {"class": "steps:Train", "inputs": {"rows": "load.rows"}},
    "measure": {"class": "steps:Measure", "inputs": {"model": "train.model", "rows": "load.rows"}},
}


def train(project, *, off, seed=1, isolate="none"):
    steps = {**STEPS, "train": {**STEPS["train"], "params": {"off": off, "seed": seed}}}
    config = {"model": {"name": "m", "from": {"part": "train.model"}}, "promotion": RULE}
    project.pipeline("p", SOURCE, steps, config=config)
    ran = project.run(settings=RunSettings(isolate=isolate, jobs=1))
    assert ran.ok, ran.errors()
    return ran


def champions(project) -> Champions:
    store = open_store((project.state / "store").as_uri())
    return Champions(store, LocalRegistry(store), "m")


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_models_are_compared_row_by_row(project, isolate):
    first = train(project, off=0.5, isolate=isolate)
    promotion = first.first.finished.promotion
    assert promotion.promoted
    assert promotion.reason.startswith("measure.error is 0.26")
    second = train(project, off=0.5, seed=2, isolate=isolate)
    promotion = second.first.finished.promotion
    assert not promotion.promoted
    assert (
        "on the same 300 rows: indistinguishable, so the champion stays (difference"
        in promotion.reason
    )
    third = train(project, off=0.2, seed=3, isolate=isolate)
    promotion = third.first.finished.promotion
    assert promotion.promoted
    assert "on the same 300 rows: better (" in promotion.reason
    assert "none of 2 slices by region is worse" in promotion.reason
    assert "use 2 of this test set" in promotion.reason
    assert third.outcome("measure").metrics.keys() == {"error", "rows", "champion.error"}
    assert set(third.outcome("measure").outputs) == {
        "metrics",
        "row_metrics",
        "champion.row_metrics",
    }
    entries = list(champions(project).log.entries())
    assert [entry.action for entry in entries] == [
        log.INTENDED, log.PROMOTED, log.KEPT, log.INTENDED, log.PROMOTED,
    ]  # fmt: skip
    kept = entries[2]
    assert kept.rule == RULE
    assert kept.evidence["testset"]["number"] == 1
    assert kept.evidence["rows"]["measure"].keys() == {"challenger", "champion"}
    assert json.loads(kept.content)["evidence"]["findings"][0]["verdict"] == "indistinguishable"
    assert champions(project).faults() == []


def test_both_models_rows_are_artifacts_of_the_run(project):
    train(project, off=0.5)
    ran = train(project, off=0.4, seed=2)
    store = open_store((project.state / "store").as_uri())
    run = ran.first.run
    mine, other = (
        store.get(run.pipeline, run.id, "measure", name)
        for name in ("row_metrics", "champion.row_metrics")
    )
    pd.testing.assert_series_equal(mine["patient"], other["patient"])
    assert mine["error"].mean() == pytest.approx(ran.outcome("measure").metrics["error"])
    assert other["error"].mean() == pytest.approx(ran.outcome("measure").metrics["champion.error"])


def test_a_champion_whose_rows_cannot_be_kept_fails_no_step(project, monkeypatch):
    train(project, off=0.5)
    number = '"seed"] == 666'
    monkeypatch.setattr(f"{__name__}.SOURCE", SOURCE.replace(number, '"off"] == 0.5'))
    monkeypatch.setattr(f"{__name__}.RULE", {n: v for n, v in RULE.items() if n != "slices"})
    ran = train(project, off=0.2, seed=3)
    finished = ran.first.finished
    (warning,) = finished.warnings
    assert warning.startswith("the champion's rows can't be kept, so only single numbers can be")
    assert finished.promotion.promoted
    assert (
        "single numbers were compared, for step measure gives no row_metrics of the champion"
        in (finished.promotion.reason)
    )
    assert "champion.row_metrics" not in ran.outcome("measure").outputs
    assert "champion.error" in ran.outcome("measure").metrics


def test_the_version_says_which_columns_it_was_trained_on(project):
    train(project, off=0.5)
    tags = champions(project).current().tags
    signature = json.loads(tags["atlas.signature"])
    assert list(signature["inputs"]) == ["measure.rows", "train.rows"]
    columns = signature["inputs"]["train.rows"]
    assert [one["name"] for one in columns] == ["patient", "region", "y"]
    assert [one["type"] for one in columns] == ["int64", "large_string", "double"]
    (made,) = signature["outputs"].items()
    assert made[0] == "measure.row_metrics", "not the champion's"
    assert [one["name"] for one in made[1]] == ["patient", "region", "error"]


def test_a_log_whose_end_was_altered_leaves_the_champion_and_the_run_is_done(project):
    train(project, off=0.5)
    last = champions(project).log.last()
    key = f"champions/store/m/log/{last.number:09}.json"
    project.store.location.write(key, b"{")
    ran = train(project, off=0.2, seed=2)
    warning = " ".join(ran.first.finished.warnings)
    assert "can't be promoted" in warning
    assert "the entry was altered" in warning
    assert champions(project).current().version == "local-1"


def test_a_cached_result_keeps_both(project):
    train(project, off=0.5)
    train(project, off=0.5, seed=2)
    again = train(project, off=0.5, seed=2)
    assert "measure" in again.cached()
    assert "champion.row_metrics" in again.outcome("measure").outputs
    assert "indistinguishable" in again.first.finished.promotion.reason
