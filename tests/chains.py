"""A project whose pipeline goes from a commit to delivered predictions, for tests of lineage."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from atlas.lineage.asking import LineageQuery, ask
from atlas.lineage.graph import Lineage
from atlas.runner import RunSettings
from tests.projects import Project

SOURCE = """
import pandas as pd
from atlas import Data, Template

class Rows(NamedTuple):
    rows: pd.DataFrame

class Load(Template):
    def run(self, source: Data) -> Rows:
        return Rows(source.read())

class Model(NamedTuple):
    model: dict[str, float]

class Train(Template):
    off: float = 0.0
    def run(self, rows: pd.DataFrame) -> Model:
        price = float((rows.price / rows["size"]).mean()) + self.off
        self.context.metric("error", abs(self.off))
        return Model({"price": price})

class Score(Template):
    def run(self, model: dict[str, float], rows: pd.DataFrame) -> Rows:
        return Rows(rows.assign(price=rows["size"] * model["price"], run_id=self.context.run))

class Deliver(Template):
    def run(self, rows: pd.DataFrame, target: Data) -> None:
        target.write(rows)
"""
TRAINING = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.houses"}},
    "train": {
        "class": "steps:Train",
        "inputs": {"rows": "load.rows"},
        "params": {"off": {"parameter": "off"}},
    },
}
INFERENCE = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.offers"}},
    "score": {"class": "steps:Score", "inputs": {"model": "model.model", "rows": "load.rows"}},
    "deliver": {
        "class": "steps:Deliver",
        "inputs": {"rows": "score.rows", "target": "data.scores"},
    },
}
CONFIG: dict[str, Any] = {
    "data": {name: {"type": "table"} for name in ("houses", "offers", "scores")},
    "model": {"name": "prices", "from": {"model": "train.model"}},
    "promotion": {"metric": "train.error", "direction": "lower", "at_most": 5},
}
HERE = RunSettings(isolate="none")


class Chain:
    """A project with a repository around it, whose pipeline trains, promotes and scores."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.write(SOURCE)
        project.write("houses.csv", "size,price\n50,100\n70,150\n90,170\n")
        project.write("offers.csv", "size\n60\n80\n")
        project.write(".gitignore", ".atlas/\n.findings*\nscores.csv\n__pycache__/\n")
        project.environment(
            data={name: {"uri": f"project:{name}.csv"} for name in ("houses", "offers", "scores")}
        )
        self.git("init", "-q", "-b", "main")
        self.commit("Prices")

    def write(self, source: str, **config: Any) -> None:
        """Write the pipeline."""
        parameters = {"off": {"type": "number", "default": 0.0}}
        folder = self.project.pipeline("prices", source, TRAINING, config={**CONFIG, **config})
        for name, flow, steps in (
            ("training", "training", TRAINING),
            ("inference", "inference", INFERENCE),
        ):
            recipe = {"version": 1, "name": f"prices-{name}", "flow": flow, "steps": steps}
            extra = {"parameters": parameters} if flow == "training" else {}
            (folder / f"{name}.json").write_text(json.dumps({**recipe, **extra}))
        document = json.loads((folder / "config.json").read_text())
        document["recipes"] = {"training": "training.json", "inference": "inference.json"}
        (folder / "config.json").write_text(json.dumps(document))

    def git(self, *words: str) -> str:
        """Run git in the project."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        who = {f"GIT_{role}_{what}": text for role in ("AUTHOR", "COMMITTER")
               for what, text in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))}  # fmt: skip
        done = subprocess.run(
            ["git", *words], cwd=self.root, env={**own, **who}, text=True, capture_output=True,
            check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, subject: str) -> str:
        """Commit everything, and return the commit's id."""
        self.git("add", "-A")
        self.git("commit", "-qm", subject, "--allow-empty")
        return self.git("rev-parse", "HEAD")

    @property
    def root(self) -> Path:
        return self.project.root

    @property
    def store(self) -> Path:
        """The folder of the store."""
        return self.project.state / "store"

    def train(self, off: float = 0.0) -> str:
        """Train, and return the run's id."""
        settings = RunSettings(isolate="none", parameters={"off": off})
        ran = self.project.run("prices", settings=settings, flows=("training",))
        assert ran.ok, ran.errors()
        return ran.id

    def score(self) -> str:
        """Score and deliver, and return the run's id."""
        ran = self.project.run("prices", settings=HERE, flows=("inference",))
        assert ran.ok, ran.errors()
        return ran.id

    def lineage(self, thing: str | Path, direction: str = "both", **options: Any) -> Lineage:
        file = self.root / thing
        named = str(file if file.exists() else thing)
        return ask(LineageQuery(named, self.root, direction=direction, **options))


def edges(lineage: Lineage) -> set[tuple[str, str, str]]:
    """Return the links between kinds: cause, meaning, effect."""
    return {
        (edge.source.partition(":")[0], edge.meaning, edge.target.partition(":")[0])
        for edge in lineage.edges
    }


def states(lineage: Lineage) -> dict[str, str]:
    """Return the nodes that aren't as they were recorded, by kind."""
    return {node.ref.kind: node.state for node in lineage.nodes if node.state}
