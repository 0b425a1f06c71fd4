"""Who owns a deployed name: one stack, until it gives the name back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas.store import open_place

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = "deployments/owners"
"""Where the store has who owns a name: a folder for each kind of name."""


def take(store: str, kind: str, names: Iterable[str], owner: str) -> None:
    """Take names for a stack; those that it has stay its own.

    Args:
        store: the store's URL.
        kind: what the names are of, such as ``dags``.
        names: the deployed names.
        owner: the stack.

    Raises:
        DeployError: another stack has one of them; nothing is taken then.
    """
    place = open_place(store)
    taken: list[str] = []
    for name in names:
        key = _key(kind, name)
        if place.create(key, owner.encode()):
            taken.append(name)
            continue
        other = place.read(key).decode("utf-8", "replace")
        if other != owner:
            release(store, kind, taken, owner)
            raise _taken(name, other)


def require_free(store: str, kind: str, names: Iterable[str], owner: str) -> None:
    """Refuse names of which another stack has one; nothing is taken.

    Raises:
        DeployError: D016, another stack has one of them.
    """
    place = open_place(store)
    for name in sorted({*names} & {*place.names(f"{FOLDER}/{kind}")}):
        other = place.read(_key(kind, name)).decode("utf-8", "replace")
        if other != owner:
            raise _taken(name, other)


def _taken(name: str, other: str) -> DeployError:
    return DeployError(
        f"D016: {name}: belongs to stack {other}; destroy that deployment first, or give "
        "this pipeline another name or the environment a prefix"
    )


def release(store: str, kind: str, names: Iterable[str], owner: str) -> None:
    """Give names back; those that another stack has are left to it."""
    place = open_place(store)
    for name in names:
        key = _key(kind, name)
        try:
            is_ours = place.read(key).decode("utf-8", "replace") == owner
        except FileNotFoundError:
            continue
        if is_ours:
            place.remove(key)


def owned(store: str, kind: str, owner: str) -> list[str]:
    """Return the names that a stack has, also those of an update that was killed."""
    place = open_place(store)
    names = place.names(f"{FOLDER}/{kind}")
    return [name for name in names if place.read(_key(kind, name)) == owner.encode()]


def _key(kind: str, name: str) -> str:
    """Return the file that says who owns a name."""
    return f"{FOLDER}/{kind}/{name}"
