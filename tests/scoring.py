"""A project whose inference scores with a model of two parts: a scaler, and a weight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from atlas.plan import Pipeline, Plan, resolve
from atlas.runner import RunSettings, run_pipelines
from atlas.runner.run import RunResult
from atlas.store import Run, Store, open_store

STEPS = '''\
"""Steps whose predictions are easy to foretell."""

from typing import NamedTuple

import pandas as pd

from atlas import Data, Predictor, Sink, Template, Trainer, Transform


class Rows(NamedTuple):
    rows: pd.DataFrame


class Load(Template):
    count: int = 40

    def run(self) -> Rows:
        return Rows(pd.DataFrame({"house": range(self.count), "size": range(self.count)}))


class Scale(Transform):
    by: float = 1.0

    def fit(self, rows: pd.DataFrame) -> dict[str, float]:
        return {"by": self.by}

    def apply(self, rows: pd.DataFrame, fitted: dict[str, float]) -> pd.DataFrame:
        return rows.assign(size=rows["size"] * fitted["by"])


class Train(Trainer):
    weight: float

    def train(self, rows: pd.DataFrame) -> dict[str, float]:
        return {"weight": self.weight}


class Score(Predictor):
    def predict(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        if model["weight"] < 0:
            raise ValueError("a weight is below 0")
        price = rows["size"] * model["weight"]
        return pd.DataFrame({"house": rows["house"].to_numpy(), "price": price.to_numpy()})


class Save(Sink):
    """Writes the scores."""
'''

KILLED, GONE, SLOW, ENDED, LOST = 13.0, 14.0, 15.0, 16.0, 17.0
"""Weights that end a step: by SIGKILL, with exit code 0, by waiting, with another exit code; and
by SIGKILL together with the process that waits for it."""
_ENDS = """\
        if model["weight"] == 17:
            os.kill(os.getppid(), signal.SIGKILL)
        if model["weight"] in (13, 17):
            os.kill(os.getpid(), signal.SIGKILL)
        if model["weight"] in (14, 16):
            os._exit(0 if model["weight"] == 14 else 3)
        if model["weight"] == 15:
            print("waiting", flush=True)
            time.sleep(60)
"""
_PREDICTS = "        price = rows"
ENDING_STEPS = (
    "import os\nimport signal\nimport time\n"
    + STEPS.replace(_PREDICTS, f"{_ENDS}{_PREDICTS}").partition("\n\n")[2]
)
"""The same steps, whose Predictor ends its process where the model's weight says so."""


def config(**more: Any) -> dict[str, Any]:
    """Return the Config, with more in it; what is in ``model`` is added to the model."""
    model = {
        "name": "prices",
        "from": {"weight": "train.model", "scaler": "scale.fitted"},
        **more.pop("model", {}),
    }
    return {
        "version": 1,
        "name": "prices",
        "recipes": {"training": "training.json", "inference": "inference.json"},
        "data": {"scores": {"type": "table"}},
        "model": model,
        **more,
    }


def training(weight: float, by: float) -> dict[str, Any]:
    """Return the Recipe that trains a model with a weight and a scaler."""
    steps = {
        "load": {"class": "steps:Load"},
        "scale": {
            "class": "steps:Scale",
            "inputs": {"rows": "load.rows"},
            "params": {"by": by},
        },
        "train": {
            "class": "steps:Train",
            "inputs": {"rows": "scale.rows"},
            "params": {"weight": weight},
        },
    }
    return {"version": 1, "name": "prices-training", "flow": "training", "steps": steps}


INFERENCE: dict[str, Any] = {
    "version": 1,
    "name": "prices-inference",
    "flow": "inference",
    "steps": {
        "load": {"class": "steps:Load"},
        "scale": {
            "class": "steps:Scale",
            "inputs": {"rows": "load.rows", "fitted": "model.scaler"},
        },
        "score": {
            "class": "steps:Score",
            "inputs": {"model": "model.weight", "rows": "scale.rows"},
        },
        "save": {
            "class": "steps:Save",
            "inputs": {"rows": "score.scores", "target": "data.scores"},
        },
    },
}


class Project:
    """The project in a folder, and what its runs leave.

    Attributes:
        folder: its folder.
    """

    def __init__(self, folder: Path, **more: Any) -> None:
        """Write it."""
        self.folder = folder
        (folder / "environments").mkdir(parents=True)
        (folder / "pyproject.toml").write_text("[tool.atlas]\n")
        (folder / "steps.py").write_text(STEPS)
        environment = {"version": 1, "data": {"scores": {"uri": "store:scores/"}}}
        self.write("environments/local.json", environment)
        self.write("inference.json", INFERENCE)
        self.write("training.json", training(1.0, 1.0))
        self.write("config.json", config(**more))

    def write(self, name: str, value: Any) -> None:
        """Write one document."""
        (self.folder / name).write_text(json.dumps(value, indent=2))

    def pipeline(self) -> Pipeline:
        """Return the pipeline."""
        return resolve(self.folder)[0]

    def plan(self) -> Plan:
        """Return the Plan of inference."""
        return self.pipeline().plans["inference"]

    def train(self, weight: float, by: float = 1.0) -> str:
        """Train a version, and return its number."""
        self.write("training.json", training(weight, by))
        result = self.run("training")
        assert result.ok, [run.error for run in result.runs]
        finished = result.runs[0].finished
        assert finished is not None
        return finished.version

    def run(self, flow: str = "inference", **settings: Any) -> RunResult:
        """Run one flow in this process."""
        settings = {"isolate": "none", **settings}
        return run_pipelines([self.pipeline()], RunSettings(**settings), flows=(flow,))

    @property
    def store(self) -> Store:
        """The artifact store."""
        return open_store((self.folder / ".atlas" / "store").as_uri())

    def artifact(self, run: Run, step: str, output: str = "scores") -> Any:
        """Return what a step has made."""
        return self.store.get(run.pipeline, run.id, step, output)

    def manifest(self, run: Run, step: str, output: str = "scores") -> dict[str, Any]:
        """Return the manifest of what a step has made, as it is kept."""
        return self.store.manifest(run.pipeline, run.id, step, output).to_json()
