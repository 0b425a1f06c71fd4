"""The fingerprints of deployments, so that of many only those are opened that change.

    <store>/deployments/basis/<stack>   the fingerprint of what was deployed last

One is written at the end of an update that succeeded, and removed before Pulumi's state changes
otherwise: by the next update, a refresh, which keeps drift as the state, or a destruction.
Losing it costs time only: a deployment without it is compiled and compared as a whole.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from atlas.store import open_location

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER = "deployments/basis"
_READERS = 16


def read(store: str, stacks: Sequence[str]) -> dict[str, str]:
    """Return the recorded fingerprints by stack; empty for none.

    Args:
        store: URL of the store.
        stacks: names of the stacks.
    """
    place = open_location(store)

    def read_one(stack: str) -> str:
        try:
            return place.read(_key(stack)).decode()
        except FileNotFoundError:
            return ""

    with ThreadPoolExecutor(_READERS) as pool:
        return dict(zip(stacks, pool.map(read_one, stacks), strict=True))


def remember(store: str, stack: str, fingerprint: str) -> None:
    """Record the fingerprint of what was deployed."""
    open_location(store).write(_key(stack), fingerprint.encode())


def forget(store: str, stack: str) -> None:
    """Remove a stack's fingerprint: the stack is about to change."""
    open_location(store).remove(_key(stack))


def _key(stack: str) -> str:
    return f"{_FOLDER}/{stack}"
