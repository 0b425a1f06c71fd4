"""Where the log of a model's champions is: in the folder of its registry, or in an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.models.log import ChampionLog

if TYPE_CHECKING:
    from atlas.store import Location
    from atlas.tracking.registry import ModelRegistry

FOLDER = "champions"
"""Folder of the store with the logs, the leases and the use of test sets."""
HEAD = "atlas.champions.head"
"""Tag of a registered model: the head of its log, apart from the log."""
_OWNER = "registry"
"""In the folder of a log that Atlas 0.1 began: identity of the registry whose log it is."""


def log_folder(location: Location, registry: ModelRegistry, model: str) -> str:
    """Return the folder of a model's log.

    Atlas 0.1 had one folder for all registries of a kind: a log that was begun there goes on there
    for the registry whose head it has.
    """
    earlier = f"{FOLDER}/{registry.kind}/{model}"
    return earlier if _is_ours(location, registry, model) else _own_folder(registry, model)


def keep_owner(location: Location, registry: ModelRegistry, model: str, folder: str) -> None:
    """Say whose a log is that was begun in an earlier folder."""
    if folder != _own_folder(registry, model):
        location.create(f"{folder}/{_OWNER}", registry.identity.encode())


def _own_folder(registry: ModelRegistry, model: str) -> str:
    return f"{FOLDER}/{registry.identity}/{model}"


def _is_ours(location: Location, registry: ModelRegistry, model: str) -> bool:
    earlier = f"{FOLDER}/{registry.kind}/{model}"
    if earlier == _own_folder(registry, model):
        return False
    try:
        owner = location.read(f"{earlier}/{_OWNER}").decode()
    except FileNotFoundError:
        log = ChampionLog(location, earlier)
        head = registry.tag(model, HEAD) if log.head() else ""
        return bool(head) and not log.misses(head)
    return owner == registry.identity
