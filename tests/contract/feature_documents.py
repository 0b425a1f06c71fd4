"""The documents of a row of features: a step with the row's features, between plain ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from tests.contract.features import Row, rows
from tests.contract.projects import Documents

SETTINGS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "image": {name: {"image": name} for name in ("requirements", "dockerfile", "reference")},
    "resources": {
        "cpu": {"resources": {"cpu": 1.5}},
        "memory": {"resources": {"memory": "1500M"}},
        "gpu": {"resources": {"gpu": 2}},
        "all": {"resources": {"cpu": 2, "memory": "2Gi", "gpu": 1}},
    },
    "retries": {
        "count": {"retries": 2},
        "back-off": {
            "retries": {"limit": 4, "delay": "10s", "factor": 3, "max_delay": "60s"},
        },
    },
    "timeout": {"minutes": {"timeout": "45m"}, "part of a second": {"timeout": "2500ms"}},
    "env": {
        "plain": {"env": {"OMP_NUM_THREADS": "2"}},
        "hostile": {"env": {"TEXT": "$(HOME) $$ '\"` {% raw %}\n é.sh", "FILE": "a.sh"}},
    },
    "secrets": {
        name: {"secrets": [f"by-{name}"]} for name in ("variable", "file", "kubernetes", "airflow")
    },
    "cache": {"off": {"cache": False}, "version": {"cache": "2"}},
    "placement": {
        "selector": {"node_selector": {"pool": "gpu"}},
        "tolerations": {
            "tolerations": [
                {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
                {"key": "a", "value": "b"},
                {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoExecute"},
                {"operator": "Exists", "effect": "PreferNoSchedule"},
            ]
        },
    },
    "format": {
        "pickle": {
            "outputs": {
                "other": {"format": "pickle"},
                "model": {"format": "skops", "trust": ["lightgbm.sklearn.LGBMClassifier"]},
            }
        }
    },
    "after": {"after": {"after": ["aside"]}},
    "description": {"text": {"description": 'What it does; "quoted", {{ braces }} and é.\nTwice.'}},
}
OWN = ("outputs", "after", "description")
"""What only a step can say, and no defaults."""
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string", "default": "gini", "choices": ["gini", "entropy"]},
    "integer": {
        "type": "integer",
        "default": 3,
        "minimum": 1,
        "maximum": 9,
        "description": "Some.",
    },
    "number": {"type": "number", "default": 2, "minimum": 0.5},
    "boolean": {"type": "boolean", "default": False},
    "required": {"type": "string"},
}
TAKES = {
    "string": "text",
    "integer": "count",
    "number": "number",
    "boolean": "flag",
    "required": "text",
}
INPUTS = {
    "step": "first.rows",
    "data": "data.table",
    "opened": "data.opened-by-variable",
    "model": "model.part",
    "pipeline": "pipeline:other/make.rows",
    "family": "family:kin/make.rows",
    "history": "history:other/make.rows",
}
IMAGES = {
    "requirements": {"requirements": "requirements.txt", "base": "python:3.11-slim"},
    "dockerfile": {"dockerfile": "Dockerfile"},
    "reference": {"reference": f"quay.io/org/ready@sha256:{'5' * 64}"},
}
SEARCHES: Mapping[str, Mapping[str, Any]] = {
    "at-random": {
        "space": {
            "number": {"low": 0.001, "high": 10.0, "log": True},
            "count": {"low": 1, "high": 9},
            "text": {"choices": ["gini", "entropy"]},
        },
        "metric": "score",
        "goal": "maximize",
        "method": "random",
        "trials": 5,
        "concurrency": 2,
        "seed": 3,
        "time": "30m",
        "max_failed": 2,
        "refit": True,
        "pruning": {"after_trials": 2, "after_steps": 1, "quantile": 0.25},
    },
    "by-grid": {
        "space": {
            "count": {"low": 1, "high": 9, "step": 4},
            "flag": {"choices": [True, False]},
        },
        "metric": "error",
        "goal": "minimize",
        "method": "grid",
        "concurrency": 4,
        "evaluate": {
            "class": "steps:Measure",
            "inputs": {"rows": {"one_of": ["maybe.rows", "first.rows"]}},
            "params": {"limit": 0.25},
        },
    },
    "by-estimation": {
        "space": {"number": {"low": 0.0, "high": 1.0}},
        "metric": "error",
        "goal": "minimize",
        "method": "tpe",
        "trials": 4,
        "concurrency": 2,
        "evaluate": {"class": "steps:Measure", "inputs": {"rows": "first.rows"}},
    },
}
"""A search of each method; between them they say all that a search can."""
SEARCHED = {
    "first": {"class": "steps:Work", "inputs": {"a": "data.table"}},
    "maybe": {
        "class": "steps:Work",
        "inputs": {"a": "data.table"},
        "when": {"step": "first.other", "is": True},
    },
    **{
        name: {"class": "steps:Learn", "inputs": {"a": "first.rows"}, "search": search}
        for name, search in SEARCHES.items()
    },
    "last": {"class": "steps:Work", "inputs": {"a": "by-grid.model", "b": "at-random.best_params"}},
}
OTHERS = {
    "searched": Documents({}, {"name": "searched", "steps": SEARCHED}),
    "other": Documents({}, {"name": "other", "steps": {"make": {"class": "steps:Work"}}}),
    "kin": Documents(
        {"matrix": {"region": ["emea", "apac"]}},
        {"name": "kin", "steps": {"make": {"class": "steps:Work"}}},
    ),
}
"""Pipelines that rows refer to."""


def documents(name: str, row: Row) -> Documents:
    """Return the pipeline of a row: a step with the row's features, between plain ones."""
    settings = _settings(row) | ({"window": "7d"} if row["inputs"] == "history" else {})
    shared = {key: settings.pop(key) for key in _shared(row, settings)}
    work = {**settings, "class": "steps:Work", "inputs": {"a": INPUTS[row["inputs"]]}}
    work |= {"params": params} if (params := _params(row)) else {}
    recipe: dict[str, Any] = {
        "name": "row",
        "steps": {
            "first": {"class": "steps:Work", "inputs": {"a": "data.table"}},
            "aside": {"class": "steps:Work", "inputs": {"a": "data.table"}},
            "work": work,
            "last": {"class": "steps:Work", "inputs": {"a": "work.rows", "b": "aside.rows"}},
        },
    }
    if row["description"] != "none":
        recipe["description"] = "What it is for."
    if row["parameter"] != "none":
        recipe["parameters"] = {"knob": PARAMETERS[row["parameter"]]}
    if row["defaults"] == "more":
        recipe["defaults"] = {"retries": 1, "timeout": "30m", "env": {"DEFAULT": "1"}}
    others: dict[str, dict[str, Any]] = {}
    _FOREACH[row["foreach"]](recipe["steps"])
    if row["skips"] != "none":
        recipe["steps"]["work"]["when"] = CONDITIONS[int(name[3:]) % len(CONDITIONS)]
        recipe["steps"]["last"] |= _LAST[row["skips"]]
    _STRUCTURE[row["structure"]](name, recipe, others)
    holder = next(iter(others.values()), recipe)
    holder["images"] = {image: IMAGES[image] for image in {row["image"]} - {"none"}}
    if shared:
        holder["defaults"] = shared
    training = _training(row)
    more = {"training": f"{name}-training.json"} if training else {}
    others |= {file: training for file in more.values()}
    return Documents(_config(row), recipe, others, row["flow"], more)


CONDITIONS: Sequence[Mapping[str, Any]] = (
    {"step": "aside.other", "is": True},
    {"step": "aside.other", "is_not": "no"},
    {"step": "aside.other", "in": [1, 2.5, "three"]},
    {"step": "aside.other", "below": 1},
    {"step": "aside.other", "at_most": 0},
    {"step": "aside.other", "above": -1.5},
    {"step": "aside.other", "at_least": 2},
    {"all": [{"step": "aside.other", "above": 0}, {"step": "aside.other", "is_not": 3}]},
    {"any": [{"step": "aside.other", "is": 0}, {"not": {"step": "aside.other", "below": 9}}]},
    {"not": {"all": [{"step": "aside.other", "is": False}]}},
)
"""Conditions of every form."""
_LAST: Mapping[str, Mapping[str, Any]] = {
    "condition": {},
    "needs": {"class": "steps:Strict"},
    "one of": {"inputs": {"a": {"one_of": ["work.rows", "aside.rows"]}, "b": "aside.rows"}},
}
"""What else the last step has: it needs what may be skipped, or takes what there is."""


def _shared(row: Row, settings: Mapping[str, Any]) -> list[str]:
    """Return which settings stand in the Recipe's defaults, and not with the step."""
    return [key for key in settings if key not in OWN] if row["defaults"] == "instead" else []


def _settings(row: Row) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for factor, ways in SETTINGS.items():
        made |= ways.get(row[factor], {})
    return made


def _params(row: Row) -> dict[str, Any]:
    ways: dict[str, dict[str, Any]] = {
        "literal": {
            "text": "it's",
            "number": 1,
            "names": ["a"],
            "more": {"literal": {"axis": "x"}},
        },
        "parameter": {TAKES.get(row["parameter"], "text"): {"parameter": "knob"}},
        "feature": {"names": {"feature": "numeric"}},
        "axis": {"text": {"axis": "region"}},
        "run": {"text": {"run": "interval_start"}},
    }
    return ways.get(row["params"], {})


def _each(step: dict[str, Any], keys: str) -> None:
    step["foreach"] = {"key": keys}


def _both(steps: dict[str, Any]) -> None:
    _each(steps["work"], "aside.keys")
    _each(steps["first"], "aside.keys")


def _literal(steps: dict[str, Any]) -> None:
    steps["work"]["foreach"] = {"key": ["emea", 2, True]}
    steps["first"]["foreach"] = {"key": {"feature": "numeric"}}


def _product(steps: dict[str, Any]) -> None:
    steps["work"]["foreach"] = {"key": "aside.keys", "c": [1, 2]}
    steps["first"]["foreach"] = {"key": "aside.keys", "c": "aside.keys"}


def _recipe(steps: dict[str, Any]) -> None:
    """Have the Recipe that the step is put into run once per key as a whole."""
    steps["work"]["foreach"] = {"market": "aside.keys", "size": [1, 2]}


_FOREACH: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "none": lambda steps: None,
    "each": lambda steps: _each(steps["work"], "aside.keys"),
    "gathers": lambda steps: _each(steps["first"], "aside.keys"),
    "both": _both,
    "literal": _literal,
    "product": _product,
    "recipe": _recipe,
}


def _inline(
    name: str, recipe: dict[str, Any], others: dict[str, Any], *, optional: bool = False
) -> None:
    """Move the step into a Recipe of its own."""
    work = recipe["steps"]["work"]
    is_whole = "market" in work.get("foreach", {})
    whole = ["foreach"] if is_whole else []
    outside = [name for name in ("after", "when", *whole) if name in work]
    inner = {key: value for key, value in work.items() if key not in outside}
    inner["inputs"] = {"a": "input.rows", **({"b": "input.maybe"} if optional else {})}
    inputs: dict[str, Any] = {
        "rows": {"description": "Any rows."},
        **({"maybe": {"optional": True}} if optional else {}),
    }
    if "foreach" in inner and isinstance(inner["foreach"]["key"], str):
        inner["foreach"] = {**inner["foreach"], "key": "input.keys"}
        inputs["keys"] = {}
    steps = {"deep": inner}
    if is_whole:
        inputs |= {"market": {}, "size": {}}
        inner["inputs"] |= {"key": "input.market"}
        steps["after"] = {
            "class": "steps:Work",
            "inputs": {"a": "deep.rows", "key": "input.size"},
        }
    others[f"{name}-inner.json"] = {
        "name": "inner",
        "inputs": inputs,
        "outputs": {"rows": "after.rows" if is_whole else "deep.rows"},
        "parameters": recipe.get("parameters", {}),
        "steps": steps,
    }
    given = {"rows": work["inputs"]["a"], **({"keys": "aside.keys"} if "keys" in inputs else {})}
    recipe["steps"]["work"] = {
        "recipe": f"{name}-inner.json",
        "inputs": given,
        **{key: work[key] for key in outside},
        **({"params": {"knob": {"parameter": "knob"}}} if "parameters" in recipe else {}),
    }


def _extend(name: str, recipe: dict[str, Any], others: dict[str, Any]) -> None:
    """Move everything to a base, but for what differs."""
    base = dict(recipe)
    work = base["steps"]["work"]
    base["steps"] = {**base["steps"], "gone": {"class": "steps:Work", "after": ["first"]}}
    others[f"{name}-base.json"] = base
    recipe.clear()
    recipe |= {"name": "row", "extends": f"{name}-base.json", "steps": {"gone": None, "work": work}}


def _leave(name: str, recipe: dict[str, Any], others: dict[str, Any]) -> None:
    """Leave the Recipe as it is."""


_STRUCTURE: Mapping[str, Callable[[str, dict[str, Any], dict[str, Any]], None]] = {
    "plain": _leave,
    "inlined": _inline,
    "optional": partial(_inline, optional=True),
    "extends": _extend,
}


def _config(row: Row) -> dict[str, Any]:
    made: dict[str, Any] = {"features": {"numeric": ["mean radius", "mean texture"]}}
    full = "work.deep" if row["structure"] in ("inlined", "optional") else "work"
    ways = {"class": {"class": "steps:Otherwise"}, "params": {"params": {"flag": True}}}
    if row["override"] != "none":
        made["steps"] = {full: ways[row["override"]]}
    if row["schedule"] != "none":
        zoned = {"cron": "30 4 * * MON", "timezone": "Asia/Kathmandu", "start": "2026-03-29T02:30"}
        made["schedule"] = {
            row["flow"]: zoned if row["schedule"] == "zoned" else {"cron": "0 6 * * *"}
        }
    if row["matrix"] != "none":
        made["matrix"] = {"region": ["emea", "apac"]}
    if row["model"] != "none":
        made["model"] = {"name": "row", "from": {"part": "aside.model"}}
    return made


def _training(row: Row) -> dict[str, Any]:
    """Return the training Recipe that an inference row takes its model from."""
    if row["flow"] != "inference" or row["model"] == "none":
        return {}
    steps = {"aside": {"class": "steps:Work", "inputs": {"a": "data.table"}}}
    return {"name": "row-training", "flow": "training", "steps": steps}


def row_documents() -> dict[str, Documents]:
    """Return the pipelines of all rows, and those that they refer to, by name."""
    made = {f"row{n:02}": row for n, row in enumerate(rows())}
    return {**OTHERS, **{name: documents(name, row) for name, row in made.items()}}
