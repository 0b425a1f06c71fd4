"""A pipeline whose training learns, and whose batches are profiled beside what was learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atlas.runner import RunSettings
from tests.projects import Project, Ran

SOURCE = """
from pandas import DataFrame
from atlas import Predictor, Source, Trainer

class Load(Source):
    pass

class Train(Trainer):
    def train(self, rows: DataFrame) -> dict[str, float]:
        return {"mean": float(rows["age"].mean()), "width": float(rows["age"].std())}

class Score(Predictor):
    def predict(self, model: dict[str, float], rows: DataFrame) -> DataFrame:
        if "age" not in rows or rows["age"].dtype.kind != "f":
            return DataFrame({"probability": [0.5] * len(rows)})
        distance = (rows["age"] - model["mean"]) / model["width"]
        return DataFrame({"probability": (distance.clip(-3, 3) + 3) / 6})

class Judged(NamedTuple):
    scored: DataFrame

class Judge(Template):
    def run(self, model: dict[str, float], rows: DataFrame) -> Judged:
        scores = Score(context=self.context).predict(model, rows)
        return Judged(scores.assign(bought=rows["bought"], seen=rows["seen"]))
"""
LOAD = {"class": "steps:Load", "inputs": {"source": "data.customers"}}
TRAINING = {
    "load": LOAD,
    "train": {"class": "steps:Train", "inputs": {"rows": "load.rows"}},
    "judge": {"class": "steps:Judge", "inputs": {"model": "train.model", "rows": "load.rows"}},
}
INFERENCE = {
    "load": LOAD,
    "score": {"class": "steps:Score", "inputs": {"model": "model.part", "rows": "load.rows"}},
}
STATISTICS = {
    "features": {"from": "load.rows", "columns": ["age", "region", "visits"]},
    "predictions": {
        "from": "score.scores", "columns": ["probability"], "training": "judge.scored",
        "score": "probability", "label": "bought", "positive": "yes",
    },
}  # fmt: skip
CONFIG = {
    "data": {"customers": {"time": "seen"}},
    "model": {"name": "shop", "from": {"part": "train.model"}},
    "statistics": STATISTICS,
    "schedule": {"inference": {"cron": "0 6 * * *"}},
}
FILE = "customers.csv"
IN_PROCESS = {"isolate": "none"}


def customers(rows: int, seed: int, first: str = "2026-01-01", days: int = 30) -> pd.DataFrame:
    """Return rows of some days."""
    rng = np.random.default_rng(seed)
    seen = pd.Timestamp(first) + pd.to_timedelta(np.sort(rng.random(rows) * days), unit="D")
    age = rng.normal(40, 9, rows)
    return pd.DataFrame(
        {
            "seen": seen,
            "age": age,
            "region": rng.choice(["emea", "apac", "amer"], rows),
            "visits": rng.poisson(3, rows),
            "bought": np.where(rng.normal(40, 9, rows) < age, "yes", "no"),
        }
    )


def write(project: Project, name: str = "shop", **config: Any) -> None:
    """Write the pipeline, and what it is trained on."""
    project.pipeline(name, SOURCE, TRAINING, INFERENCE, {**CONFIG, **config})
    data = {"customers": {"uri": f"project:{FILE}"}}
    project.environment(data=data)
    give(project, customers(6000, 1))


def give(project: Project, rows: pd.DataFrame) -> None:
    """Put rows where the pipeline reads them."""
    project.write(FILE, rows.to_csv(index=False))


def train(project: Project, **settings: Any) -> Ran:
    """Train a model, and make it the champion."""
    ran = project.run(".", RunSettings(**{**IN_PROCESS, **settings}), flows=("training",))
    assert ran.ok, ran.errors()
    return ran


def score(project: Project, day: str, rows: pd.DataFrame | None = None, **settings: Any) -> Ran:
    """Score the batch of a day."""
    if rows is not None:
        give(project, rows)
    end = (pd.Timestamp(day) + pd.Timedelta(days=1)).date().isoformat()
    interval = {"interval_start": day, "interval_end": end}
    return project.run(
        ".", RunSettings(**{**IN_PROCESS, **interval, **settings}), flows=("inference",)
    )
