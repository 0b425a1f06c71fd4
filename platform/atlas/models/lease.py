"""A lease in the store: one process at a time moves the aliases of a model.

MLflow has no compare-and-swap, so whoever moves an alias holds the lease first. A lease is a
numbered file that is created exclusively; the highest number counts. It ends when its holder
releases it, when its time is over, or when its process is seen to be gone. Numbers never go back:
a process that was stopped between two moves finds a higher number and knows that it has lost.
"""

from __future__ import annotations

import json
import random
import time
from contextlib import contextmanager
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.models.actor import Actor, this_process
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.store import Location

LEASE_SECONDS = 300.0
"""For how long a lease is held at most: longer than any request to a registry may take."""
WAIT_SECONDS = 60.0
"""For how long to wait for another holder."""
_PAUSE_SECONDS = 0.05
_LATEST = 1e11
"""Seconds since 1970 that no lease lasts to; such a number, or none, can't be read as a time."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to move the aliases of a model.

    Attributes:
        location: where the store's files are.
        folder: the folder of the model's leases.
        number: which one it is.
        until: when it ends, in seconds since 1970.
        holder: who holds it.
    """

    location: Location
    folder: str
    number: int
    until: float
    holder: Actor = field(default_factory=this_process)

    def check(self) -> None:
        """Check that it is still held.

        Raises:
            PlatformError: its time is over, or another process has taken over.
        """
        if time.time() < self.until and _numbers(self.location, self.folder)[-1:] == [self.number]:
            return
        message = f"{self.location.url}/{self.folder}: lease {self.number} is over"
        raise PlatformError(f"{message}: this process was stopped for too long; run it again")

    def release(self) -> None:
        """Give it back; its file stays as the highest number, and says that it is over."""
        self.location.write(_key(self.folder, self.number), self.content(until=0.0))

    def content(self, until: float) -> bytes:
        """Return what its file holds."""
        return canonical({"holder": self.holder.to_json(), "until": until}).encode()


@contextmanager
def leased(location: Location, folder: str, *, wait: float = WAIT_SECONDS) -> Iterator[Lease]:
    """Hold the lease of a folder for as long as the context lasts.

    Args:
        location: where the store's files are.
        folder: the folder that the leases are kept in.
        wait: seconds to wait while another process holds it.

    Raises:
        PlatformError: another process holds it; it says who, and until when.
    """
    end = time.monotonic() + wait
    lease = _take(location, folder)
    while lease is None:
        if time.monotonic() >= end:
            raise PlatformError(_held_by(location, folder))
        time.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        lease = _take(location, folder)
    try:
        yield lease
    finally:
        lease.release()


def _take(location: Location, folder: str) -> Lease | None:
    """Create the next number; None while the last one isn't over, or when another was faster."""
    numbers = _numbers(location, folder)
    last = numbers[-1] if numbers else 0
    if last and not _is_over(_read(location, folder, last)):
        return None
    until = time.time() + LEASE_SECONDS
    lease = Lease(location, folder, last + 1, until)
    if not location.create(_key(folder, lease.number), lease.content(until)):
        return None
    if _numbers(location, folder)[-1] != lease.number:
        return None
    for number in numbers:
        location.remove(_key(folder, number))
    return lease


def _is_over(raw: dict[str, Any]) -> bool:
    return float(raw["until"]) < time.time() or Actor.from_json(raw["holder"]).is_gone


def _read(location: Location, folder: str, number: int) -> dict[str, Any]:
    """Return what a lease's file says; of one that can't be read, that it is over."""
    try:
        raw = json.loads(location.read(_key(folder, number)))
        until, holder = float(raw["until"]), dict(raw["holder"])
        return {"until": until if 0.0 <= until < _LATEST else 0.0, "holder": holder}
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return {"until": 0.0, "holder": {}}


def _held_by(location: Location, folder: str) -> str:
    """Say who holds a lease."""
    numbers = _numbers(location, folder)
    raw = _read(location, folder, numbers[-1] if numbers else 0)
    until = datetime.fromtimestamp(raw["until"], UTC).isoformat(timespec="seconds")
    holder = Actor.from_json(raw["holder"])
    return (
        f"{location.url}/{folder}: {holder} is promoting a version of this model; "
        f"try again when that is done, at the latest at {until}"
    )


def _numbers(location: Location, folder: str) -> list[int]:
    names = (name.removesuffix(".json") for name in location.names(folder))
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal())


def _key(folder: str, number: int) -> str:
    return f"{folder}/{number:09}.json"
