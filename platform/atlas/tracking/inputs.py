"""The data sets that a run has read, as MLflow's page of a run shows them.

All of it is what the run's outcomes say; nothing is read again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from atlas.tracking.openlineage.naming import public_uri
from atlas.uris import is_file_uri
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.plan import Plan

_NAME, _DIGEST, _SOURCE, _SCHEMA = 500, 36, 65_535, 1_048_575
"""Characters that MLflow 3 takes of a data set's fields."""
_MOST = 1000
"""Data sets of one run; MLflow takes as many in one request."""
_CONTENT = "content"
_BITS = {"8": "integer", "16": "integer", "32": "integer", "64": "long"}
_TYPES = {
    **{f"{kind}{bits}": name for kind in ("int", "uint") for bits, name in _BITS.items()},
    **{"uint32": "long", "uint64": "any"},
    **{"float16": "float", "float32": "float", "float": "float", "halffloat": "float"},
    **{"float64": "double", "double": "double"},
    **{"bool": "boolean", "boolean": "boolean"},
    **{"str": "string", "string": "string", "large_string": "string", "utf8": "string"},
    **{"binary": "binary", "large_binary": "binary"},
}
"""Types of columns of pandas, Arrow and Polars, in lower case → MLflow's."""
_MOMENTS = ("datetime", "timestamp", "date32", "date64", "date")


def inputs_of(plan: Plan, outcomes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the data sets that a run's steps have read, as ``runs/log-inputs`` takes them.

    Args:
        plan: the run's Plan.
        outcomes: step, or ``step.2`` for a key of it → its recorded outcome.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    tags = [{"key": "mlflow.data.context", "value": plan.flow}]
    for outcome in outcomes.values():
        for one in _read(plan, outcome):
            found.setdefault((one["name"], one["digest"]), {"tags": tags, "dataset": one})
    return list(found.values())[:_MOST]


def _read(plan: Plan, outcome: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the data sets that one step has read; of a database, only rows are recorded."""
    counts: Mapping[str, Any] = outcome.get("statistics", {}).get("read", {})
    entries = {
        str(entry.get("name", "")): entry
        for entry in outcome.get("provenance", {}).get("data", ())
        if entry.get("action") == "read"
    }
    for name in dict.fromkeys((*entries, *counts)):
        declared = plan.data.get(name)
        uri = str(entries.get(name, {}).get("uri") or (declared.uri if declared else ""))
        version = str(entries.get(name, {}).get("sha256") or "")
        if not version and declared and declared.version != _CONTENT:
            version = declared.version
        yield _dataset(name, public_uri(uri), version, counts.get(name, {}))


def _dataset(name: str, uri: str, version: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a data set of MLflow; without a version, its digest is that of what is known."""
    kind, key = _kind(uri)
    known = {name: facts[name] for name in ("rows", "columns") if name in facts}
    dataset = {
        "name": name[:_NAME],
        "digest": (version or digest({"uri": uri, **known}))[:_DIGEST],
        "source_type": kind,
        "source": _fitting({key: uri}, _SOURCE),
    }
    if "columns" in facts:
        dataset["schema"] = _fitting({"mlflow_colspec": schema_of(facts["columns"])}, _SCHEMA)
    if "rows" in facts:
        dataset["profile"] = json.dumps({"num_rows": facts["rows"]})
    return dataset


def schema_of(columns: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return columns as MLflow's schemas have them; whether values are missing isn't recorded.

    Args:
        columns: ``name`` and ``type`` of each, as pandas, Arrow or Polars calls it.
    """
    return [
        {"type": _type(str(one["type"])), "name": str(one["name"]), "required": False}
        for one in columns
    ]


def _type(text: str) -> str:
    """Return MLflow's name of a column's type; ``any`` for one that it hasn't got."""
    kind = text.lower()
    return "datetime" if kind.startswith(_MOMENTS) else _TYPES.get(kind, "any")


def _kind(uri: str) -> tuple[str, str]:
    """Return the type of a source, and the key that its URI has there."""
    if is_file_uri(uri):
        return "local", "uri"
    scheme = urlsplit(uri).scheme or "local"
    return ("http", "url") if scheme in ("http", "https") else (scheme, "uri")


def _fitting(value: Mapping[str, Any], longest: int) -> str:
    """Return an object as JSON; nothing of one that is too long for MLflow."""
    text = json.dumps(value)
    return text if len(text) <= longest else "{}"
