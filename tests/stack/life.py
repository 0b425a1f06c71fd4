"""The project of the test of a model's whole life: prices of houses, scored each day by Airflow."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

SOURCE = '''
import pandas as pd

from atlas import LabelJoin, Predictor, RowEvaluator, Sink, Source, Trainer


class Load(Source):
    """Reads a table."""


class Train(Trainer):
    """Learns what a square metre costs."""

    off: float

    def train(self, rows: pd.DataFrame) -> dict[str, float]:
        return {"price": float((rows["price"] / rows["size"]).mean()) + self.off}


class Evaluate(RowEvaluator):
    """Measures how far off each price is."""

    def evaluate_rows(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        error = (rows["price"] - model["price"] * rows["size"]).abs()
        return rows[["house"]].assign(error=error)


class Score(Predictor):
    """Says what each house would cost."""

    def predict(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        return rows[["house"]].assign(price=rows["size"] * model["price"])


class Deliver(Sink):
    """Writes the prices."""


class Join(LabelJoin):
    """Measures the prices by what was paid."""
'''
TRAINING = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.houses"}},
    "train": {"class": "steps:Train", "inputs": {"rows": "load.rows"}},
    "evaluate": {
        "class": "steps:Evaluate",
        "inputs": {"model": "train.model", "rows": "load.rows"},
    },
}
INFERENCE = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.offers"}},
    "score": {"class": "steps:Score", "inputs": {"model": "model.model", "rows": "load.rows"}},
    "write": {
        "class": "steps:Deliver",
        "inputs": {"rows": "score.scores", "target": "data.scores"},
    },
}


class LifeProject:
    """A project in a repository with a remote, on a platform.

    Attributes:
        platform: `tests.stack.conftest.Platform`.
        root: the project's folder.
        name: the Config's name.
    """

    def __init__(self, platform: Any, folder: Path, name: str) -> None:
        self.platform, self.folder, self.name = platform, folder, name
        self.root, self.remote = folder / "work", folder / "remote.git"
        self.root.mkdir()
        self._write_data()
        self._write_project()
        run("git", "init", "-q", "--bare", "-b", "main", self.remote)
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", str(self.remote))
        self.commit("Prices of houses")

    def _write_data(self) -> None:
        data = self.folder / "data"
        data.mkdir()
        rows = [f"{n},{50 + n},{(50 + n) * 2 + (n % 7) - 3}" for n in range(200)]
        (data / "houses.csv").write_text("\n".join(["house,size,price", *rows, ""]))
        (data / "offers.csv").write_text(
            "\n".join(["house,size", *(f"{n},{60 + n}" for n in range(20)), ""])
        )
        (data / "paid.csv").write_text(
            "\n".join(["house,paid", *(f"{n},{(60 + n) * 2 + 1}" for n in range(15)), ""])
        )

    def _write_project(self) -> None:
        pipeline = self.root / "prices"
        self.write("pyproject.toml", '[tool.atlas]\nid = "life"\n')
        self.write(".gitignore", ".atlas/\n__pycache__/\n*.egg-info/\n")
        self.write("prices/steps.py", SOURCE)
        for flow, steps in (("training", TRAINING), ("inference", INFERENCE)):
            self.write(f"prices/{flow}.json", recipe(f"{self.name}-{flow}", flow, steps))
        self.write("prices/configs/prices.json", self.config())
        self.write("prices/labels.json", recipe(f"{self.name}-labels", "inference", self.labels()))
        self.write("prices/configs/labels.json", self.labels_config())
        targets = {"training": "local", "inference": "airflow"}
        common = {"version": 1, "platform": "local", "targets": targets, "data": self.data()}
        self.write("environments/local.json", common)
        self.write("environments/prod.json", {**common, "protected": True})
        assert pipeline.is_dir()

    def config(self, off: float = 0.5) -> dict[str, Any]:
        """Return the Config; the alert fires as soon as fewer than 1,000 houses are scored."""
        bound = {"metric": "score.rows_scored", "below": 1000, "flow": "inference"}
        return {
            "version": 1,
            "name": self.name,
            "recipes": {"training": "training.json", "inference": "inference.json"},
            "data": {name: {"type": "table"} for name in ("houses", "offers", "scores")},
            "steps": {"train": {"params": {"off": off}}},
            "model": {"name": self.name, "from": {"model": "train.model"}},
            "promotion": {
                "metric": "evaluate.error", "direction": "lower", "at_most": 200,
                "beats_champion": {"confidence": 0.95}, "key": "house",
            },
            "predictions": {"version": "model_version", "run": "run_id", "end": "interval_end"},
            "alerts": {"metrics": [bound]},
            "schedule": {
                "inference": {"cron": "0 6 * * *", "timezone": "UTC", "start": "2026-01-01"}
            },
        }  # fmt: skip

    def labels(self) -> dict[str, Any]:
        history = f"history:{self.name}/score.scores"
        return {
            "load": {"class": "steps:Load", "inputs": {"source": "data.paid"}},
            "join": {
                "class": "steps:Join",
                "window": "3650d",
                "inputs": {"predictions": history, "labels": "load.rows"},
                "params": {
                    "key": ["house"], "prediction": "price", "label": "paid", "metrics": ["mae"],
                },
            },
        }  # fmt: skip

    def labels_config(self) -> dict[str, Any]:
        return {
            "version": 1,
            "name": f"{self.name}-labels",
            "recipes": {"inference": "labels.json"},
            "data": {"paid": {"type": "table", "label": "paid"}},
        }

    def data(self) -> dict[str, Any]:
        place = self.folder / "data"
        uris = {name: (place / f"{name}.csv").as_uri() for name in ("houses", "offers", "paid")}
        scores = {"uri": f"{(place / 'scores').as_uri()}/", "format": "csv"}
        return {**{name: {"uri": uri} for name, uri in uris.items()}, "scores": scores}

    def write(self, name: str, content: Any) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))

    def git(self, *words: str, cwd: Path | None = None) -> str:
        return run("git", *words, cwd=cwd or self.root)

    def commit(self, subject: str) -> str:
        """Commit everything, push it, and return the commit's id."""
        self.git("add", "-A")
        self.git("commit", "-qm", subject)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def atlas(self, *words: str | Path, cwd: Path | None = None, code: int = 0) -> str:
        done = self.platform.run(*words, cwd=cwd or self.root, code=code)
        return str(done.stdout)

    def json(self, *words: str | Path, cwd: Path | None = None, code: int = 0) -> Any:
        return json.loads(self.atlas(*words, "--json", cwd=cwd, code=code))


def recipe(name: str, flow: str, steps: Any) -> dict[str, Any]:
    return {"version": 1, "name": name, "flow": flow, "steps": steps}


def run(*words: object, cwd: Path | None = None) -> str:
    """Run a program, as somebody with a name."""
    who = {f"GIT_{role}_{what}": text for role in ("AUTHOR", "COMMITTER")
           for what, text in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))}  # fmt: skip
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env={**os.environ, **who}, text=True, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout.strip()
