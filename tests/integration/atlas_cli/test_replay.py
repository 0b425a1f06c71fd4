"""`atlas monitor --replay` over real batches, and what real trainings of then would have gained."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from atlas.runner import RunSettings
from tests.projects import Project, project

__all__ = ["project"]

SOURCE = """
import pandas as pd
from atlas import Predictor, RowEvaluator, Source, Trainer

class Load(Source):
    pass

class WindowRows(NamedTuple):
    rows: pd.DataFrame

class Window(Template):
    def run(self, rows: pd.DataFrame) -> WindowRows:
        day = pd.to_datetime(rows["day"], utc=True)
        own = self.context
        first, last = (pd.Timestamp(t) for t in (own.interval_start, own.interval_end))
        return WindowRows(rows[(day >= first) & (day < last)].reset_index(drop=True))

class Train(Trainer):
    def train(self, rows: pd.DataFrame) -> dict[str, float]:
        return {"limit": float(rows["age"].mean())}

class Evaluate(RowEvaluator):
    def evaluate_rows(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        right = (rows["age"] > model["limit"]) == (rows["bought"] == "yes")
        return pd.DataFrame({"id": rows["id"], "accuracy": right.astype(float)})

class Score(Predictor):
    def predict(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        answer = (rows["age"] > model["limit"]).map({True: "yes", False: "no"})
        return pd.DataFrame({"id": rows["id"], "answer": answer})
"""
LOAD = {"class": "steps:Load", "inputs": {"source": "data.customers"}}
WINDOW = {"class": "steps:Window", "inputs": {"rows": "load.rows"}}
TRAINING = {
    "load": LOAD,
    "window": WINDOW,
    "train": {"class": "steps:Train", "inputs": {"rows": "window.rows"}},
    "evaluate": {
        "class": "steps:Evaluate",
        "inputs": {"model": "train.model", "rows": "window.rows"},
    },
}
INFERENCE = {
    "load": LOAD,
    "window": WINDOW,
    "score": {"class": "steps:Score", "inputs": {"model": "model.part", "rows": "window.rows"}},
}
CONFIG: dict[str, Any] = {
    "data": {"customers": {"label": "bought"}},
    "model": {"name": "shop", "from": {"part": "train.model"}},
    "statistics": {"features": {"from": "window.rows", "columns": ["age"]}},
    "promotion": {"metric": "evaluate.accuracy", "direction": "higher", "beats_champion": True},
    "retraining": {"drift": {"tolerance": 0.02}, "new_rows": 100_000, "window": "2d"},
}
DAYS, ROWS, CHANGED = 8, 400, 4


def history(follows: bool) -> pd.DataFrame:
    """Rows of January and a week more; ages grow on the fourth day of that.

    Args:
        follows: whether who buys follows the ages, so that a model of the new rows is right.
    """
    random = np.random.default_rng(1)
    days = pd.date_range("2026-01-01", periods=31 + DAYS, freq="D")
    shift = np.repeat(np.where(np.arange(len(days)) >= 31 + CHANGED - 1, 12.0, 0.0), ROWS)
    age = random.normal(40.0, 9.0, len(shift)) + shift
    bought = age + random.normal(0.0, 3.0, len(age)) > 40.0 + shift
    if not follows:
        bought = np.where(shift > 0, random.random(len(age)) < 0.5, bought)
    day = np.repeat(days.strftime("%Y-%m-%d"), ROWS)
    answers = np.where(bought, "yes", "no")
    return pd.DataFrame({"id": range(len(age)), "day": day, "age": age, "bought": answers})


@pytest.fixture
def shop(project):
    """Give a function that trains a champion on January, and scores the days after it."""

    def made(follows: bool = True, **config: Any) -> Project:
        project.pipeline("shop", SOURCE, TRAINING, INFERENCE, {**CONFIG, **config})
        project.environment(data={"customers": {"uri": "project:customers.csv"}})
        history(follows).to_csv(project.root / "customers.csv", index=False)
        intervals = [("training", "2026-01-01", "2026-02-01")]
        intervals += [
            ("inference", f"2026-02-{day:02}", f"2026-02-{day + 1:02}")
            for day in range(1, DAYS + 1)
        ]
        for flow, start, end in intervals:
            settings = RunSettings(isolate="none", interval_start=start, interval_end=end)
            ran = project.run("shop", settings, flows=(flow,))
            assert ran.ok, ran.errors()
        return project

    return made


def replay(project: Project, *options: str) -> dict[str, Any]:
    done = project.atlas("monitor", "shop", "--replay", "--json", *options, timeout=280)
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)
    return one


def files(project: Project) -> dict[str, bytes]:
    """What the store and the registry have, but for what may be made again."""
    root = project.root / ".atlas" / "store"
    kept = (
        path for path in sorted(root.rglob("*")) if path.is_file() and "cache" not in path.parts
    )
    return {str(path): path.read_bytes() for path in kept}


@pytest.mark.timeout(600)
def test_drift_that_a_training_mends_and_drift_that_it_doesnt(shop):
    """The two ends of "drift, but retraining would not have helped"."""
    project = shop()
    before = files(project)
    assert before
    found = replay(project, "--train", "3", "--cost", "10")
    assert files(project) == before
    (drift,) = (one for one in found["replayed"] if not one["bounds"] and one["trigger"] == "drift")
    assert (drift["number"], drift["batch"]) == (4, "20260204T000000Z-20260205T000000Z")
    past = found["hindsight"]
    assert past["metric"] == "evaluate.accuracy"
    assert past["trained"][1] == drift["batch"]
    assert sum(past["rows"]) == DAYS * ROWS
    (gain,) = past["gains"]
    assert (gain["batch"], gain["triggers"]) == (drift["batch"], ["drift"])
    assert gain["gain"] > 0
    best, ours = past["schedules"]["best"], past["schedules"]["triggers"]
    assert best["total"] <= min(ours["total"], 0.0)
    assert best["total"] < 0.0


@pytest.mark.timeout(600)
def test_drift_but_retraining_would_not_have_helped(shop):
    project = shop(follows=False)
    done = project.atlas(
        "monitor", "shop", "--replay", "--train", "2", "--cost", "400", timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert "after batch 4, 20260204T000000Z" in done.stdout
    assert "but retraining would not have helped" in done.stdout
    assert "best: no training: +0 against never" in done.stdout
    assert "features.age: " in done.stdout


def test_made_up_batches_and_what_is_wrong(shop):
    project = shop()
    found = replay(project, "--shift", "age=0.5sd@3", "--batches", "5", "--rows", "2000")
    (drift,) = (one for one in found["replayed"] if not one["bounds"] and one["trigger"] == "drift")
    assert (drift["streams"], drift["fired"], drift["early"]) == (20, 20, 0)
    assert found["hindsight"] is None
    done = project.atlas("monitor", "shop", "--replay", "--shift", "size=1sd@3")
    assert done.returncode == 1
    assert (
        "shift of size: the reference has no such column; expected one of features.age"
        in done.stderr
    )
    done = project.atlas("monitor", "shop", "--train", "3")
    assert done.returncode == 2
    assert "are of --replay" in done.stderr
