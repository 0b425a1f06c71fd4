"""A pipeline that is retrained on the real platform: its data, and what becomes of its model.

It tells a part's wear (`y`) from its use (`x`). Training, inference and the monitor run on the
platform's Airflow; a second Config of the same folder joins labels to what was predicted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from tests.stack.deployed import Pipeline

SECONDS = 300
"""What a training from cause to end may take on a loaded machine."""
SOURCE = '''\
"""The steps of a pipeline whose model is one number."""

from pandas import DataFrame

from atlas import LabelJoin, Predictor, RowEvaluator, Source, Trainer


class Load(Source):
    """Reads a table."""


class Train(Trainer):
    """Learns how fast parts wear."""

    def train(self, rows: DataFrame) -> dict[str, float]:
        return {"slope": float((rows["x"] * rows["y"]).sum() / (rows["x"] ** 2).sum())}


class Evaluate(RowEvaluator):
    """Says how far off each row is."""

    def evaluate_rows(self, model: dict[str, float], rows: DataFrame) -> DataFrame:
        off = (rows["y"] - model["slope"] * rows["x"]).abs()
        return DataFrame({"part": rows["part"], "mae": off})


class Score(Predictor):
    """Predicts wear."""

    def predict(self, model: dict[str, float], rows: DataFrame) -> DataFrame:
        return DataFrame({"part": rows["part"], "wear": model["slope"] * rows["x"]})


class Join(LabelJoin):
    """Says how far off predictions were."""
'''
LOAD = {"class": "steps:Load", "inputs": {"source": "data.parts"}}
TRAINING = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.measured"}},
    "train": {"class": "steps:Train", "inputs": {"rows": "load.rows"}},
    "evaluate": {
        "class": "steps:Evaluate",
        "inputs": {"model": "train.model", "rows": "load.rows"},
    },
}
INFERENCE = {
    "load": LOAD,
    "score": {"class": "steps:Score", "inputs": {"model": "model.part", "rows": "load.rows"}},
}


def parts(rows: int, slope: float, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Return parts that wear by a slope; their use is around 10, and more by a shift."""
    rng = np.random.default_rng(seed)
    x = rng.normal(10 + shift, 1, rows)
    names = [f"{seed}-{number}" for number in range(rows)]
    return pd.DataFrame({"part": names, "x": x, "y": slope * x + rng.normal(0, 0.1, rows)})


@dataclass(frozen=True)
class Retrained:
    """The pipeline, deployed.

    Attributes:
        pipeline: the copy of the project that it is in.
        name: the Config's name.
    """

    pipeline: Pipeline
    name: str

    @property
    def config(self) -> str:
        return f"{self.name}/configs/{self.name}.json"

    @property
    def labels(self) -> str:
        return f"{self.name}/configs/labels.json"

    def give(self, data: str, rows: pd.DataFrame) -> None:
        """Put rows where the pipeline reads them."""
        folder = self.pipeline.store / "data"
        for one in (folder.parent, folder):  # As private as Atlas makes its store.
            one.mkdir(mode=0o700, exist_ok=True)
        rows.to_parquet(folder / f"{self.name}-{data}.parquet")

    def atlas(self, *words: str) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self.pipeline.atlas(*words, "--json").stdout)

    @property
    def champion(self) -> str:
        (found,) = self.atlas("champion", self.config)
        return str(found["version"])

    # On Airflow ------------------------------------------------------------------------------

    def start(self, dag: str) -> str:
        """Have a person start a run of a DAG; return its id."""
        identity = f"by-hand-{time.monotonic_ns()}"
        body = {"dag_run_id": identity, "logical_date": None}
        self.pipeline.airflow._call("POST", f"dags/{dag}/dagRuns", body=body)
        return identity

    def runs(self, dag: str) -> dict[str, str]:
        """Return the state of each run of a DAG, by its id, the oldest first."""
        path = f"dags/{dag}/dagRuns?order_by=run_after"
        _, answer = self.pipeline.airflow._call("GET", path, (404,))  # It may be removed.
        return {run["dag_run_id"]: run["state"] for run in answer.get("dag_runs", ())}

    def tasks(self, dag: str, run: str) -> dict[str, str]:
        """Return the state of each task of a run."""
        path = f"dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances"
        _, answer = self.pipeline.airflow._call("GET", path)
        return {one["task_id"]: one["state"] for one in answer["task_instances"]}

    def score(self, rows: pd.DataFrame) -> None:
        """Have a batch scored by the real scheduler."""
        self.give("parts", rows)
        dag = f"{self.name}-inference"
        run = self.start(dag)
        self.wait(lambda: self.runs(dag)[run] in ("success", "failed"), f"the run of {dag}")
        assert self.runs(dag)[run] == "success", self.tasks(dag, run)

    def rest(self) -> None:
        """Wait until nothing of it runs on Airflow: the end of a training starts the monitor."""
        dags = [f"{self.name}-{part}" for part in ("inference", "training", "monitor")]
        over = {"success", "failed"}
        self.wait(
            lambda: all({*self.runs(dag).values()} <= over for dag in dags), "the end of all runs"
        )

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until something holds; say of what the monitor's runs are if it doesn't."""
        end = time.monotonic() + SECONDS
        while not (found := condition()):
            assert time.monotonic() < end, f"{what} never came: {self.told()}"
            time.sleep(0.5)
        return found

    def told(self) -> str:
        """Return what is known of all DAGs, and of the events."""
        dags = [f"{self.name}-{part}" for part in ("inference", "monitor", "training")]
        known = {dag: {run: self.tasks(dag, run) for run in self.runs(dag)} for dag in dags}
        return json.dumps({"runs": known, "events": self.events()}, indent=1)

    # In the store ----------------------------------------------------------------------------

    def events(self) -> dict[str, dict[str, Any]]:
        """Return the pipeline's events by id."""
        folder = self.pipeline.store / "monitor" / self.name / "events"
        return {file.stem: json.loads(file.read_text()) for file in folder.glob("*.json")}

    def outcome(self, event: str) -> dict[str, Any]:
        """Return how an event's retraining has ended; nothing before it has."""
        file = self.pipeline.store / "retrainings" / self.name / event / "outcome.json"
        return json.loads(file.read_text()) if file.exists() else {}


def write(folder: Path, name: str, rule: dict[str, Any], pipeline: Pipeline) -> Retrained:
    """Write the pipeline, with a rule, and the environment."""
    made = Retrained(pipeline, name)
    files: dict[str, Any] = {
        "pyproject.toml": "[tool.atlas]\n",
        f"{name}/steps.py": SOURCE,
        f"{name}/training.json": _recipe(f"{name}-training", "training", TRAINING),
        f"{name}/inference.json": _recipe(f"{name}-inference", "inference", INFERENCE),
        f"{name}/labels-inference.json": _recipe(f"{name}-labels", "inference", _join(name)),
        made.config: {
            "version": 1,
            "name": name,
            "recipes": {"training": "training.json", "inference": "inference.json"},
            "data": {"measured": {"type": "table", "label": "y"}, "parts": {"type": "table"}},
            "features": {"target": "y", "numeric": ["x"]},
            "model": {"name": name, "version": "champion", "from": {"part": "train.model"}},
            "statistics": {"features": {"from": "load.rows"}},
            "promotion": {
                "metric": "evaluate.mae",
                "direction": "lower",
                "beats_champion": {"confidence": 0.95},
                "key": "part",
            },
            "retraining": rule,
        },
        made.labels: {
            "version": 1,
            "name": f"{name}-labels",
            "recipes": {"inference": "labels-inference.json"},
            "data": {"found": {"type": "table", "label": "y"}},
        },
        "environments/local.json": {
            "version": 1,
            "targets": {"training": "airflow", "inference": "airflow"},
            "data": {
                data: {"uri": f"store:data/{name}-{data}.parquet"}
                for data in ("measured", "parts", "found")
            },
        },
    }
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return made


def _recipe(name: str, flow: str, steps: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "name": name, "flow": flow, "steps": steps}


def _join(name: str) -> dict[str, Any]:
    return {
        "load": {"class": "steps:Load", "inputs": {"source": "data.found"}},
        "join": {
            "class": "steps:Join",
            "window": "30d",
            "inputs": {"predictions": f"history:{name}/score.scores", "labels": "load.rows"},
            "params": {"key": ["part"], "prediction": "wear", "label": "y", "metrics": ["mae"]},
        },
    }


@contextmanager
def retrained(platform: Any, folder: Path, name: str, rule: dict[str, Any]) -> Iterator[Retrained]:
    """Give the pipeline with a champion of 4,000 parts that wear by 1, deployed."""
    made = write(folder, name, rule, Pipeline(platform, name, folder / name))
    made.give("measured", parts(4000, 1.0, 1))
    made.pipeline.atlas("run", made.config, "--flow", "training")
    made.pipeline.atlas("deploy", made.config)
    try:
        yield made
        made.rest()
    finally:
        made.pipeline.atlas("destroy", made.config)
