"""A project that is right, to be made wrong in one place at a time."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from atlas.errors import Problem
from atlas.validate import check

DROP = object()
"""As a value of `changed`: remove what stands there."""

STEPS = '''\
"""The steps of a small shop."""

from typing import Annotated, Literal, NamedTuple

import pandas as pd

from atlas import Bounds, Data, Template


class Rows(NamedTuple):
    rows: pd.DataFrame


class Load(Template):
    def run(self, source: Data) -> Rows:
        return Rows(source.read())


class Cleaned(NamedTuple):
    rows: pd.DataFrame
    means: dict[str, float]


class Clean(Template):
    columns: list[str]
    way: Literal["drop", "fill"] = "drop"

    def run(self, rows: pd.DataFrame, means: dict[str, float] | None = None) -> Cleaned:
        return Cleaned(rows, means or {})


class Model(NamedTuple):
    model: dict[str, float]


class Train(Template):
    target: str
    trees: Annotated[int, Bounds(1, 500)] = 100

    def run(self, rows: pd.DataFrame) -> Model:
        return Model({})


class Metrics(NamedTuple):
    metrics: dict[str, float]


class Evaluate(Template):
    def run(self, model: dict[str, float], rows: pd.DataFrame) -> Metrics:
        return Metrics({})


class Score(Template):
    def run(self, model: dict[str, float], rows: pd.DataFrame, target: Data) -> None:
        target.write(rows)
'''

SHOP: dict[str, Any] = {
    "pyproject.toml": "[tool.atlas]\n",
    "requirements.txt": "pandas\n",
    "steps.py": STEPS,
    "config.json": {
        "version": 1,
        "name": "shop",
        "recipes": {"training": "training.json", "inference": "inference.json"},
        "data": {"sales": {"type": "table", "label": "price"}, "scores": {"type": "table"}},
        "features": {"target": "price", "columns": {"numeric": ["size", "age"]}},
        "steps": {"train": {"params": {"trees": 200}}},
        "parameters": {"least": 2.5},
        "model": {
            "name": "shop",
            "from": {"model": "train.model", "means": "features.clean.means"},
        },
        "schedule": {"inference": {"cron": "0 6 * * mon-fri", "timezone": "UTC"}},
        "promotion": {"metric": "evaluate.error", "at_most": 10},
        "retraining": {"new_labels": 1000, "degradation": {"metric": "error", "above": 12}},
    },
    "features.json": {
        "version": 1,
        "name": "shop-features",
        "inputs": {"rows": {}, "means": {"optional": True}},
        "outputs": {"rows": "clean.rows", "means": "clean.means"},
        "parameters": {"way": {"type": "string", "default": "drop", "choices": ["drop", "fill"]}},
        "steps": {
            "clean": {
                "class": "steps:Clean",
                "inputs": {"rows": "input.rows", "means": "input.means"},
                "params": {
                    "columns": {"feature": "columns.numeric"},
                    "way": {"parameter": "way"},
                },
            }
        },
    },
    "training.json": {
        "version": 1,
        "name": "shop-training",
        "flow": "training",
        "parameters": {"least": {"type": "number", "default": 1.5, "minimum": 0, "maximum": 9}},
        "images": {"base": {"requirements": "requirements.txt"}},
        "defaults": {"image": "base", "retries": 1, "timeout": "30m"},
        "steps": {
            "load": {"class": "steps:Load", "inputs": {"source": "data.sales"}},
            "features": {"recipe": "features.json", "inputs": {"rows": "load.rows"}},
            "train": {
                "class": "steps:Train",
                "inputs": {"rows": "features.rows"},
                "params": {"target": {"feature": "target"}},
                "secrets": ["token"],
                "env": {"LEAST": "1"},
            },
            "evaluate": {
                "class": "steps:Evaluate",
                "inputs": {"model": "train.model", "rows": "features.rows"},
            },
        },
    },
    "inference.json": {
        "version": 1,
        "name": "shop-inference",
        "flow": "inference",
        "steps": {
            "load": {"class": "steps:Load", "inputs": {"source": "data.sales"}},
            "features": {
                "recipe": "features.json",
                "inputs": {"rows": "load.rows", "means": "model.means"},
                "params": {"way": "fill"},
            },
            "score": {
                "class": "steps:Score",
                "inputs": {
                    "model": "model.model",
                    "rows": "features.rows",
                    "target": "data.scores",
                },
            },
        },
    },
    "environments/local.json": {
        "version": 1,
        "targets": {"training": "local", "inference": "local"},
        "data": {
            "sales": {"uri": "store:data/sales.parquet", "credential": "token"},
            "scores": {"uri": "store:data/scores/"},
        },
        "secrets": {"token": {"variable": "SHOP_TOKEN"}},
    },
}
# A parameter that no step uses is a warning, so one does.
SHOP["steps.py"] = STEPS.replace("    target: str\n", "    target: str\n    least: float = 0.0\n")
SHOP["training.json"]["steps"]["train"]["params"]["least"] = {"parameter": "least"}


def shop(*changes: tuple[str, str, Any], **files: Any) -> dict[str, Any]:
    """Return the files with changes: file, path in it (``steps.train``), and the value there.

    A path that is empty replaces the file; one in a text is the part of it that is replaced.
    """
    made = copy.deepcopy({**SHOP, **files})
    for file, path, value in changes:
        if isinstance(made.get(file), str) and path:
            assert path in made[file], f"{file} has no {path!r}"
            made[file] = made[file].replace(path, value)
        elif not path:
            made[file] = value
        else:
            _set(made[file], path.split("/") if "/" in path else path.split("."), value)
    return {name: content for name, content in made.items() if content is not DROP}


def _set(value: Any, path: list[str], new: Any) -> None:
    for part in path[:-1]:
        value = value.setdefault(part, {})
    if new is DROP:
        del value[path[-1]]
    else:
        value[path[-1]] = new


def write(folder: Path, files: dict[str, Any]) -> Path:
    """Write files: JSON of anything but texts and bytes."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content, indent=2)
            file.write_text(text, "utf-8", "surrogatepass", newline="")
    return folder


def told(problems: object) -> list[str]:
    """Return problems as ``R001 training.json steps.train.inputs.rows``."""
    found = list(problems)  # type: ignore[call-overload]
    assert all(isinstance(one, Problem) for one in found)
    return [f"{one.code} {Path(one.file).name} {one.path}".rstrip() for one in found]


def checked(folder: Path, path: str = "", environment: str = "local") -> list[str]:
    """Return what `check` tells."""
    return told(check(folder / path, environment).problems)
