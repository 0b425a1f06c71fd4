"""Labels that come late, over real runs: predictions of earlier runs, batch records, repeats."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

from atlas.models.measurements import measurements
from atlas.runner import RunSettings
from atlas.step.garbage import find_garbage
from atlas.store import add_code
from tests.projects import environment, project

__all__ = ["project"]

SOURCE = """
import pandas as pd
from atlas import Batch, Data, LabelJoin, Source

class Scores(NamedTuple):
    scores: pd.DataFrame

class Read(Source):
    pass

class Score(Template):
    off: int = 0
    def run(self, rows: pd.DataFrame) -> Scores:
        return Scores(rows.assign(guess=rows["size"] + self.off))

class Join(LabelJoin):
    pass
"""
SCORING = {
    "load": {"class": "steps:Read", "inputs": {"source": "data.houses"}},
    "score": {
        "class": "steps:Score",
        "inputs": {"rows": "load.rows"},
        "params": {"off": {"parameter": "off"}},
    },
}
JOIN = {
    "load": {"class": "steps:Read", "inputs": {"source": "data.sold"}},
    "join": {
        "class": "steps:Join", "window": "30d",
        "inputs": {
            "predictions": "history:shop/score.scores", "labels": "load.rows",
            "earlier": "history:sold/join.labels",
        },
        "params": {"key": ["house"], "prediction": "guess", "label": "price", "metrics": ["mae"]},
    },
}  # fmt: skip


@pytest.fixture
def shop(project):
    parameters = {"off": {"type": "integer", "default": 0}}
    project.pipeline(
        "shop", SOURCE, inference=SCORING, parameters=parameters, config={"data": {"houses": {}}}
    )
    project.pipeline("sold", SOURCE, inference=JOIN, config={"data": {"sold": {}}})
    project.environment(
        data={"houses": {"uri": "project:houses.csv"}, "sold": {"uri": "project:sold.csv"}}
    )
    return project


def day(number):
    return f"2026-03-{number:02}T00:00:00+00:00"


def go(project, name, number, rows, file, *, isolate="none", **parameters):
    pd.DataFrame(rows).to_csv(project.root / file, index=False)
    settings = RunSettings(
        isolate=isolate,
        interval_start=day(number),
        interval_end=day(number + 1),
        parameters=parameters,
    )
    ran = project.run(name, settings=settings)
    assert ran.ok, ran.errors()
    return ran


def score(project, number, *, isolate="none", **parameters):
    rows = {"house": [10 * number, 10 * number + 1], "size": [1, 2]}
    return go(project, "shop", number, rows, "houses.csv", isolate=isolate, **parameters)


def label(project, number, houses, prices, *, isolate="none"):
    return go(
        project, "sold", number, {"house": houses, "price": prices}, "sold.csv", isolate=isolate
    )


def known(project):
    return [
        (r.interval_end, r.labels, r.predictions, dict(r.metrics))
        for r in measurements(project.store, "shop")
    ]


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_labels_measure_the_batches_that_predicted_them(shop, isolate):
    first, second = score(shop, 1, isolate=isolate), score(shop, 2, isolate=isolate)
    ran = label(shop, 2, [10, 20, 99], [1, 4, 5], isolate=isolate)
    assert known(shop) == [(day(2), 1, 2, {"mae": 0.0}), (day(3), 1, 2, {"mae": 3.0})]
    metrics = ran.outcome("join").metrics
    assert (metrics["mae"], metrics["labels_unknown"], metrics["coverage"]) == (3.0, 1.0, 0.5)
    assert ran.first.run.upstream == {
        f"history:shop/score/{first.id}": f"shop/{first.id}",
        f"history:shop/score/{second.id}": f"shop/{second.id}",
    }
    written = json.loads((shop.state / "store" / "sold" / ran.id / "run.json").read_text())
    assert written["upstream"] == dict(ran.first.run.upstream)


def test_later_labels_add_to_the_earlier_ones_and_a_repeat_replaces_its_own(shop):
    score(shop, 1)
    label(shop, 1, [10], [1])
    label(shop, 2, [11], [5])
    assert known(shop) == [(day(2), 2, 2, {"mae": 1.5})]
    # The same interval again, with another label: what it said before is forgotten.
    ran = label(shop, 2, [11], [4])
    assert known(shop) == [(day(2), 2, 2, {"mae": 1.0})]
    assert "labels_changed" not in ran.outcome("join").metrics
    # A label that changes in a later delivery is counted, and replaces.
    ran = label(shop, 3, [10], [3])
    assert ran.outcome("join").metrics["labels_changed"] == 1
    assert known(shop) == [(day(2), 2, 2, {"mae": 2.0})]
    # An older interval that is run again leaves what newer ones have found.
    label(shop, 1, [10], [1])
    assert known(shop) == [(day(2), 2, 2, {"mae": 2.0})]


def test_a_back_fill_takes_the_place_of_the_first_run(shop):
    score(shop, 1)
    label(shop, 1, [10, 11], [1, 2])
    assert known(shop) == [(day(2), 2, 2, {"mae": 0.0})]
    again = score(shop, 1, off=7)
    ran = label(shop, 2, [], [])
    assert known(shop) == [(day(2), 2, 2, {"mae": 7.0})]
    assert list(ran.first.run.upstream.values())[-1] == f"shop/{again.id}"


def test_records_are_written_again_where_the_result_was_cached(shop):
    """A kill between the artifacts and the records: the repeat takes the result, and records it."""
    shop.environment(
        data={
            "houses": {"uri": "project:houses.csv"},
            "sold": {"uri": "project:sold.csv", "version": "1"},
        }
    )
    score(shop, 1)
    label(shop, 1, [10], [1])
    for record in measurements(shop.store, "shop"):
        shop.store.location.remove(f"measurements/shop/sold.join/{record.batch}.json")
    ran = label(shop, 1, [10], [1])
    assert ran.outcome("join").cached
    assert known(shop) == [(day(2), 1, 2, {"mae": 0.0})]


def test_being_in_a_history_keeps_no_run(shop, monkeypatch):
    monkeypatch.setattr("atlas.step.reachable.state_outbox", lambda: None)
    for number in (1, 2, 3):
        score(shop, number)
    label(shop, 3, [10], [1])
    gone = {
        run.run
        for run in find_garbage(shop.store, keep=1, older=0.0).runs
        if run.pipeline == "shop"
    }
    assert len(gone) == 2


def test_a_step_whose_records_are_none_fails(project):
    project.pipeline(
        "odd",
        """
        class Out(NamedTuple):
            batch_metrics: list[dict[str, int]]

        class Odd(Template):
            def run(self) -> Out:
                return Out([{"labels": 1}])
        """,
        {"odd": {"class": "steps:Odd"}},
    )
    ran = project.run()
    assert "output 'batch_metrics': expected the record of a batch" in ran.outcome("odd").error


def test_a_step_that_an_orchestrator_starts_reads_the_same_history(shop):
    """As on Airflow and Kubeflow: a process a step, over the store alone, bound by the first one."""
    first = score(shop, 1)
    pd.DataFrame({"house": [10, 11], "price": [1, 4]}).to_csv(shop.root / "sold.csv", index=False)
    (pipeline,) = shop.resolve("sold")
    plan = pipeline.plans["inference"]
    shop.store.add_plan(plan)
    add_code(shop.store, pipeline.folder, plan.code)
    command = [sys.executable, "-m", "atlas.step", "--plan", plan.digest, "--run", "scheduled__1"]
    command += ["--interval-start", day(1), "--interval-end", day(2), "--trigger", "schedule"]
    variables = environment(ATLAS_STORE=shop.store.url, ATLAS_PROJECT=str(shop.root))
    for step in ("load", "join"):
        done = subprocess.run(
            [*command, "--step", step], env=variables, text=True, capture_output=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
    run = shop.store.run("sold", "inference-scheduled__1")
    assert run.upstream == {f"history:shop/score/{first.id}": f"shop/{first.id}"}
    assert known(shop) == [(day(2), 2, 2, {"mae": 1.0})]
