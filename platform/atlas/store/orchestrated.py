"""What an orchestrator calls a run and its pipeline: ids that only the orchestrator gives.

Whoever learns one writes it to the store: who publishes a pipeline its version's, a step's own
process its run's. They are shown, and never used to find something by.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.store.keys import ORCHESTRATED, run_key
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store.location import Location
    from atlas.store.run import Run

_FOLDER = "deployments/versions"
_LONGEST = 200


def keep_version(location: Location, plan: str, ids: Mapping[str, str]) -> None:
    """Record as which version of a pipeline a Plan was published.

    Args:
        location: where the store's files are.
        plan: digest of the Plan.
        ids: such as ``kubeflow.pipeline`` and ``kubeflow.version``.
    """
    key = _version_key(plan)
    if _read(location, key) != dict(ids):
        location.write(key, canonical(dict(ids)).encode())


def version_of(location: Location, plan: str) -> dict[str, str]:
    """Return the ids of the version as which a Plan was published; none of one that wasn't.

    Args:
        location: where the store's files are.
        plan: digest of the Plan.
    """
    return _read(location, _version_key(plan))


def keep_run_ids(location: Location, run: Run, ids: Mapping[str, str]) -> None:
    """Record what the orchestrator calls a run; the first process of the run decides.

    Args:
        location: where the store's files are.
        run: the run.
        ids: such as ``kubeflow.run``.
    """
    if ids:
        location.create(_run_key(run), canonical(dict(ids)).encode())


def ids_of(location: Location, run: Run) -> dict[str, str]:
    """Return the orchestrator's ids of a run, its pipeline and its version; those that are known.

    A version is that of a run on the orchestrator only: a local run of the same Plan has none.
    """
    ids = _read(location, _run_key(run))
    return {**_read(location, _version_key(run.plan)), **ids} if ids else {}


def _run_key(run: Run) -> str:
    return f"{run_key(run.pipeline, run.id)}/{ORCHESTRATED}"


def _version_key(plan: str) -> str:
    return f"{_FOLDER}/{plan}.json"


def _read(location: Location, key: str) -> dict[str, str]:
    """Return ids by name; none of a file that isn't there, or isn't what is written here."""
    try:
        raw = json.loads(location.read(key))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    items = raw.items() if isinstance(raw, dict) else ()
    return {name: value[:_LONGEST] for name, value in items if isinstance(value, str)}
