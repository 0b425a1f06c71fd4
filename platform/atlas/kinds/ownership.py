"""Who owns a deployed name: one stack, until it gives the name back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas.store import open_location

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.store import Location

FOLDER = "deployments/owners"
"""Where the store has who owns a name: a folder for each kind of name."""
_TRIES = 5


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
    place = open_location(store)
    taken: list[str] = []
    for name in names:
        other = _taken_by(place, kind, name, owner)
        if not other:
            taken.append(name)
        elif other != owner:
            release(store, kind, taken, owner)
            raise _taken(name, other)


def _taken_by(place: Location, kind: str, name: str, owner: str) -> str:
    """Take a name; return its owner if it is taken already, else nothing."""
    for _ in range(_TRIES):
        if place.create(_key(kind, name), owner.encode()):
            return ""
        if other := _owner(place, kind, name):
            return other
        # It was given back in between.
    return "that can't be read"


def require_free(store: str, kind: str, names: Iterable[str], owner: str) -> None:
    """Refuse names of which another stack has one; nothing is taken.

    Raises:
        DeployError: D016, another stack has one of them.
    """
    place = open_location(store)
    for name in sorted({*names} & {*place.names(f"{FOLDER}/{kind}")}):
        other = _owner(place, kind, name)
        if other not in ("", owner):
            raise _taken(name, other)


def _taken(name: str, other: str) -> DeployError:
    return DeployError(
        f"{name}: belongs to stack {other}; destroy that deployment first, or give "
        "this pipeline another name or the environment a prefix",
        code="D016",
    )


def release(store: str, kind: str, names: Iterable[str], owner: str) -> None:
    """Give names back; those that another stack has are left to it."""
    place = open_location(store)
    for name in names:
        if _owner(place, kind, name) == owner:
            place.remove(_key(kind, name))


def owned(store: str, kind: str, owner: str) -> list[str]:
    """Return the names that a stack has, also those of an update that was killed."""
    place = open_location(store)
    names = place.names(f"{FOLDER}/{kind}")
    return [name for name in names if _owner(place, kind, name) == owner]


def _owner(place: Location, kind: str, name: str) -> str:
    """Return the owner of a name; empty for none, also where it has just been given back."""
    try:
        return place.read(_key(kind, name)).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _key(kind: str, name: str) -> str:
    """Return the key of the record of a name's owner."""
    return f"{FOLDER}/{kind}/{name}"
