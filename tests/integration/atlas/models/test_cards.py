"""Cards over real runs: made at registration and promotion, and by the command."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from atlas.cards import card_of
from atlas.models.champions import Champions
from atlas.models.measurements import BatchMeasurement, record_measurements
from atlas.runner import RunSettings
from atlas.tracking.registry import LocalRegistry
from tests.projects import project

__all__ = ["project"]

SOURCE = """
import numpy as np
import pandas as pd
from atlas import Data, RowEvaluator, Source

class Trained(NamedTuple):
    model: dict[str, float]

class Load(Source):
    pass

class Train(Template):
    off: float = 0.5
    def run(self, rows: pd.DataFrame) -> Trained:
        return Trained({"off": self.off})

class Measure(RowEvaluator):
    def evaluate_rows(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        return rows[["house", "region"]].assign(error=np.sin(rows["house"]) ** 2 + model["off"], right=rows["house"] % 4 > 0)

    def evaluate(self, model: dict[str, float], rows: pd.DataFrame) -> dict[str, float]:
        return {"auc": 0.9}
"""
STEPS = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.houses"}},
    "train": {"class": "steps:Train", "inputs": {"rows": "load.rows"}},
    "measure": {"class": "steps:Measure", "inputs": {"model": "train.model", "rows": "load.rows"}},
}
CONFIG = {
    "data": {"houses": {}},
    "model": {"name": "m", "from": {"part": "train.model"}},
    "promotion": {"metric": "measure.error", "direction": "lower", "key": "house", "beats_champion": {}, "slices": {"by": "region"}},
    "card": {"purpose": "To test.", "limits": "<b>All.</b>", "owners": ["ann"]},
}  # fmt: skip


@pytest.fixture
def houses(project):
    pd.DataFrame({"house": range(40), "region": ["a", "b"] * 20}).to_csv(
        project.root / "houses.csv", index=False
    )
    project.environment(data={"houses": {"uri": "project:houses.csv"}})
    return project


def train(project, off=0.5, **config):
    steps = {**STEPS, "train": {**STEPS["train"], "params": {"off": off}}}
    project.pipeline("p", SOURCE, steps, config={**CONFIG, **config})
    ran = project.run(settings=RunSettings(jobs=1))
    assert ran.ok, ran.errors()
    return ran


def stored(project, version="local-1"):
    return json.loads(project.store.location.read(f"models/m/cards/{version}.json"))


def test_a_version_gets_its_card_when_it_is_registered(houses):
    ran = train(houses)
    card = stored(houses)
    assert card["status"] == "champion"
    assert card["texts"] == {"purpose": "To test.", "limits": "<b>All.</b>"}
    metrics = {(metric["name"], metric["slice"]): metric for metric in card["metrics"]}
    assert metrics["measure.right", ""]["method"] == "exact"
    assert metrics["measure.right", ""]["low"] < 0.75 < metrics["measure.right", ""]["high"]
    assert metrics["measure.error", "region=a"]["method"] == "bootstrap"
    assert metrics["measure.error", "region=a"]["rows"] == 20
    assert metrics["measure.auc", ""]["method"] == "not a mean of rows"
    assert card["lineage"]["Run"] == ran.id
    assert card["data"]["houses"]["sha256"]
    tables = {table["name"]: table for table in card["inputs"]}
    assert tables["train.rows"]["rows"] == 40
    assert [column["name"] for column in tables["train.rows"]["columns"]] == ["house", "region"]
    assert [entry["action"] for entry in card["decisions"]] == ["promoted"]
    assert (card["faults"], card["notes"]) == ([], [])
    page = houses.store.location.read("models/m/cards/local-1.html").decode()
    assert "&lt;b&gt;All.&lt;/b&gt;" in page


def test_a_version_that_was_refused_has_one_too(houses):
    train(houses)
    train(houses, off=0.9)
    card = stored(houses, "local-2")
    assert card["status"] == "not the champion (that is version local-1)"
    assert [entry["action"] for entry in card["decisions"]] == ["kept"]
    assert "worse" in card["decisions"][0]["reason"]
    assert card["decisions"][0]["comparisons"][0]["verdict"] == "worse"


def test_a_card_says_how_the_version_does_since(houses):
    train(houses)
    part = {"predictions": 8, "labels": 5, "metrics": {"mae": 1.5}}
    record = BatchMeasurement(
        "p", "inference-1", labels=5, predictions=8, interval_start="2026-03-01T00:00:00+00:00",
        interval_end="2026-03-02T00:00:00+00:00", versions={"local-1": part, "local-9": part},
        measured_by="labels/x", step="join",
    )  # fmt: skip
    record_measurements(houses.store, [record])
    assert houses.atlas("card", "m").returncode == 0
    assert stored(houses)["batches"] == [
        {
            "time": "2026-03-02T00:00:00+00:00",
            "predictions": 8,
            "labels": 5,
            "metrics": {"mae": 1.5},
        }
    ]


def test_what_is_gone_is_said(houses):
    ran = train(houses)
    houses.store.location.remove(f"p/{ran.id}/measure/row_metrics")
    champions = Champions(houses.store, LocalRegistry(houses.store), "m")
    plan, version = houses.plan(), champions.current()
    card = card_of(champions, plan, version)
    assert [note for note in card.notes if note.startswith("rows of measure:")]
    assert {metric.method for metric in card.metrics} == {"the step stores no rows"}
    houses.store.location.remove(f"p/{ran.id}")
    card = card_of(champions, plan, version)
    assert [metric.method for metric in card.metrics] == ["the training run is gone"] * 3
    assert card.notes[0].startswith("the training run: ")


def test_an_altered_log_is_said(houses):
    train(houses)
    key = "champions/store/m/log/000000001.json"
    houses.store.location.write(
        key, houses.store.location.read(key).replace(b"intended", b"INTENDED")
    )
    champions = Champions(houses.store, LocalRegistry(houses.store), "m")
    card = card_of(champions, houses.plan(), champions.current())
    assert card.faults


def test_a_card_that_can_t_be_made_stops_no_promotion(houses, monkeypatch):
    monkeypatch.setattr("atlas.cards.card_of", lambda *_: 1 / 0)
    ran = train(houses)
    finished = ran.first.finished
    assert finished.promotion.promoted
    assert "its card isn't attached: ZeroDivisionError" in finished.warnings[0]
    assert "`atlas card m --version local-1` attaches it" in finished.warnings[0]


def test_the_command(houses):
    train(houses)
    done = houses.atlas("card", "p", "--out", "cards", "--html")
    assert (done.returncode, done.stdout) == (
        0,
        "m: card of version local-1: cards/m-local-1.html\n",
    ), done.stderr
    assert [path.name for path in (houses.root / "cards").iterdir()] == ["m-local-1.html"]
    done = houses.atlas("card", "m", "--version", "local-1", "--json")
    (card,) = json.loads(done.stdout)
    assert card["page"].endswith("/models/m/cards/local-1.html")
    for arguments, message in (
        (("card", "n"), "there is no model or file 'n' here; expected one of m, or a PATH"),
        (("card", "m", "--version", "7"), "model m: there is no version '7'"),
    ):
        done = houses.atlas(*arguments)
        assert done.returncode == 1
        assert message in done.stderr
    assert houses.atlas("card", "m", "--html").returncode == 2


def test_a_text_that_isn_t_one_is_a_problem(houses):
    project = houses
    project.pipeline(
        "p", SOURCE, STEPS, config={**CONFIG, "card": {"purpos": "x", "owners": "ann"}}
    )
    done = project.atlas("validate")
    assert done.returncode == 1
    assert "card" in done.stdout
    assert "S001" in done.stdout
    assert "S003" in done.stdout
