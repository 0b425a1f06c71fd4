"""Projects on disk, made of generated documents, and the Plans that Atlas resolves them to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.plan import resolve

if TYPE_CHECKING:
    from pathlib import Path


STEPS = '''
from typing import Any, NamedTuple

import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from atlas import Evaluator, Template


class Made(NamedTuple):
    rows: pd.DataFrame
    keys: list[str]
    model: RandomForestClassifier
    scores: dict[str, float]
    other: Any


class Work(Template):
    text: str = ""
    number: float = 1.0
    count: int = 1
    flag: bool = False
    names: list[str] = []
    more: dict[str, Any] = {}

    def run(self, a: Any = None, b: Any = None, c: Any = None, key: Any = None) -> Made: ...


class Strict(Template):
    def run(self, a: Any, b: Any) -> Made: ...


class Learn(Work):
    """Measures itself on its way."""

    def run(self, a: Any = None, b: Any = None, c: Any = None, key: Any = None) -> Made:
        self.context.report(0.5, 1)
        self.context.metric("score", 0.5)
        ...


class Measure(Evaluator):
    limit: float = 0.5

    def evaluate(self, model: RandomForestClassifier, rows: pd.DataFrame) -> dict[str, float]:
        return {"error": self.limit}


class Otherwise(Work):
    """Another class of the same shape."""
'''
OUTPUTS = ("rows", "keys", "model", "scores", "other")
SECRETS = {
    "by-variable": {"variable": "PASSWORD"},
    "by-file": {"file": "/run/secrets/password"},
    "by-kubernetes": {"kubernetes": "vault/the.password"},
    "by-airflow": {"airflow": "warehouse-1"},
}
ENVIRONMENTS = {
    "local": SECRETS,
    "machine": {**SECRETS, "by-kubernetes": {"variable": "A"}, "by-airflow": {"file": "/run/b"}},
    "worker": {**SECRETS, "by-kubernetes": {"variable": "A"}},
    "pods": {name: {"kubernetes": f"vault/{name}"} for name in SECRETS},
}
"""Environments: ``local`` has secrets of every kind, the others those that a target can read."""
DATA = {
    "table": {"uri": "file:///data/table.parquet"},
    "parts": {"uri": "s3://bucket/parts/", "format": "csv"},
    "versioned": {"uri": "store:versioned.parquet", "version": "7"},
    **{
        f"opened-{name}": {"uri": "s3://bucket/opened.parquet", "credential": name}
        for name in SECRETS
    },
}


@dataclass(frozen=True)
class Documents:
    """What one pipeline is written as.

    Attributes:
        config: its Config, but for the names of Recipes.
        recipe: its Recipe.
        others: other Recipes by file name, that this one inlines or extends.
        flow: of the Recipe.
        more: flow → file of another Recipe of the Config.
    """

    config: Mapping[str, Any]
    recipe: Mapping[str, Any]
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    flow: str = "training"
    more: Mapping[str, str] = field(default_factory=dict)


def resolved(folder: Path, documents: Mapping[str, Documents], environment: str = "local") -> Any:
    """Return the Plans of a project's pipelines, by name."""
    pipelines = resolve(folder, environment=environment)
    return {one.name: one.plans[documents[one.config].flow] for one in pipelines}


def write_project(folder: Path, documents: Mapping[str, Documents]) -> None:
    """Write documents and the code that they name."""
    pipeline = folder / "pipelines"
    for made in (pipeline / "configs", folder / "environments"):
        made.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.atlas]\n")
    (pipeline / "steps.py").write_text(STEPS)
    for name in ("requirements.txt", "Dockerfile"):
        (pipeline / name).write_text("")
    for name, secrets in ENVIRONMENTS.items():
        environment = {"version": 1, "data": DATA, "secrets": secrets}
        _write(folder / "environments" / f"{name}.json", environment)
    for name, one in documents.items():
        recipe = f"{name}.recipe.json"
        _write(pipeline / recipe, {"version": 1, "flow": one.flow, **one.recipe})
        for other, content in one.others.items():
            _write(pipeline / other, {"version": 1, **content})
        data = {each: {} for each in DATA}
        config = {"version": 1, "name": name, "data": data}
        config["recipes"] = {one.flow: recipe, **one.more}
        _write(pipeline / "configs" / f"{name}.json", config | one.config)


def _write(file: Path, document: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(document), "utf-8")
