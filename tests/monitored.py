"""A pipeline that has a value for every metric, and what Prometheus is asked about it."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from atlas.metrics.exposition import Sample, page
from atlas.metrics.metric import MONITOR
from atlas.metrics.monitored import MONITORED
from atlas.runner import RunSettings
from atlas.tracking.pushgateway import MetricGroup, Pushgateway
from tests.projects import Project, Ran

SOURCE = """
from pandas import DataFrame, concat
from atlas import Data, Evaluator, Predictor, Sink, Source, Trainer

class Load(Source):
    pass

class Train(Trainer):
    def train(self, rows: DataFrame) -> dict[str, float]:
        return {"mean": float(rows["size"].mean())}

class Evaluate(Evaluator):
    def evaluate(self, model: dict[str, float], rows: DataFrame) -> dict[str, float]:
        self.context.metric("error[region=north]", 0.5)
        return {"error": 0.25}

class Score(Predictor):
    def predict(self, model: dict[str, float], rows: DataFrame) -> DataFrame:
        return rows.assign(score=rows["size"] - model["mean"])

class Write(Sink):
    pass
"""
TRAINING = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.houses"}},
    "train": {"class": "steps:Train", "inputs": {"rows": "load.rows"}},
    "evaluate": {
        "class": "steps:Evaluate",
        "inputs": {"model": "train.model", "rows": "load.rows"},
    },
}
INFERENCE = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.houses"}},
    "score": {"class": "steps:Score", "inputs": {"model": "model.part", "rows": "load.rows"}},
    "write": {"class": "steps:Write", "inputs": {"rows": "score.scores", "target": "data.scores"}},
}
CONFIG = {
    "data": {"houses": {"time": "sold"}, "scores": {}},
    "model": {"name": "houses", "from": {"part": "train.model"}},
    "features": {"target": "price", "numeric": ["size"], "names": ["region"]},
    "statistics": {
        "features": {"from": "load.rows"},
        "predictions": {"from": "score.scores", "columns": ["score", "region"]},
    },
}
ROWS = """size,region,price,sold,secret
1,north,2,2026-01-01T00:00:00Z,s3cret
,south,3,2026-01-03T00:00:00Z,s3cret
3,north,4,2026-01-02T00:00:00Z,s3cret
"""


def write(project: Project, name: str = "houses", **config: Any) -> None:
    """Write the pipeline, and the data that it reads."""
    project.pipeline(name, SOURCE, TRAINING, INFERENCE, {**CONFIG, **config})
    project.write("houses.csv", ROWS)
    data = {"houses": {"uri": "project:houses.csv"}, "scores": {"uri": "project:scores.csv"}}
    project.environment(data=data)
    project.environment("prod", data=data, prefix="prod-")


def run(project: Project, path: str = ".") -> Ran:
    """Run both flows, of a day."""
    day = {"interval_start": "2026-01-03", "interval_end": "2026-01-04"}
    ran = project.run(path, RunSettings(**day))
    assert ran.ok, ran.errors()
    return ran


def push_monitor(url: str, pipeline: str = "houses", environment: str = "local") -> None:
    """Push a value of every metric of a monitor."""
    samples = [Sample(metric.name, 1.0, ("drift",) * len(metric.labels)) for metric in MONITORED]
    group = MetricGroup(environment, pipeline, MONITOR)
    Pushgateway(url).replace(group, page(samples, MONITOR))


def query(prometheus: str, promql: str) -> list[dict[str, Any]]:
    """Return what a query gives now."""
    url = f"{prometheus}/api/v1/query?{urlencode({'query': promql})}"
    with urlopen(url, timeout=10) as answer:
        data = json.load(answer)["data"]
    result = data["result"]
    return result if data["resultType"] != "scalar" else [{"metric": {}, "value": result}]


def wait_for(prometheus: str, promql: str, seconds: float = 200) -> list[dict[str, Any]]:
    """Return what a query gives, once it gives something."""
    end = time.monotonic() + seconds
    while True:
        found = query(prometheus, promql)
        if found or time.monotonic() > end:
            return found
        time.sleep(0.1)
