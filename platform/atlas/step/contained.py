"""What a step finds in a container on this machine: the variables and folders that it is given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.http.variables import CREDENTIALS, VARIABLES
from atlas.step.data import WRITES
from atlas.store import FolderLocation
from atlas.tracking.outbox import FOLDER
from atlas.uris import is_file_uri, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atlas.plan import Plan, PlanStep
    from atlas.store import Store

NETWORK = "ATLAS_CONTAINER_NETWORK"
"""Variable that names the network of steps' containers; ``host`` by default."""

_PASSED = ("ATLAS_PROJECT", "ATLAS_STATE", WRITES, *VARIABLES)


def network() -> str:
    """Return the network of steps' containers."""
    return os.environ.get(NETWORK) or "host"


def user() -> str:
    """Return who steps' containers run as: the caller, so that both may write the store."""
    return f"{os.geteuid()}:{os.getegid()}"


def variables() -> dict[str, str]:
    """Return the variables that tell any step where the platform is."""
    return {name: os.environ[name] for name in _PASSED if name in os.environ}


def credentials() -> list[Path]:
    """Return the private files that open the platform's services; a step may only read them."""
    paths = [Path(os.environ[name]) for name in CREDENTIALS.values() if os.environ.get(name)]
    return [path for path in paths if path.is_file()]


def folders(store: Store, plan: Plan, steps: Iterable[PlanStep], project: Path) -> list[Path]:
    """Return the folders steps read or write, which are the same inside: stores, data, outbox.

    Args:
        store: the artifact store.
        plan: the Plan.
        steps: those that run.
        project: what ``project:`` stands for where no variable says.
    """
    paths: dict[Path, None] = {}
    if isinstance(store.location, FolderLocation):
        paths[Path(store.location.root)] = None
    steps = list(steps)
    kinds = {source.kind for step in steps for source in step.sources()}
    reads_model = bool(kinds & {"model", "challenger"})
    others = (store for store in plan.stores if reads_model and is_file_uri(store))
    paths |= dict.fromkeys(map(path_of, others))
    paths |= dict.fromkeys(path for step in steps for path in _data_folders(plan, step, project))
    for folder in paths:
        folder.mkdir(parents=True, exist_ok=True)  # An engine would make it, as root.
    state = os.environ.get("ATLAS_STATE")
    if state and Path(state, FOLDER).is_dir():
        paths[Path(state, FOLDER)] = None
    return list(paths)


def _data_folders(plan: Plan, step: PlanStep, project: Path) -> Iterator[Path]:
    """Return the folders of the data sets that a step reads or writes."""
    for name in [source.name for source in step.sources() if source.kind == "data"]:
        uri = plan.data[name].uri
        if uri.startswith("project:"):
            yield Path(os.environ.get("ATLAS_PROJECT") or project)
        elif uri.startswith("file:"):
            path = path_of(uri)
            yield path if uri.endswith("/") else path.parent
