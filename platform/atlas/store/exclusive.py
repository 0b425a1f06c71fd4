"""One at a time: of all processes and machines that share a store, one holds a name in it.

In a folder the name is a locked file, which a process that ends lets go of. In any other place it
is a numbered lease that is created exclusively and ends by itself; whoever finds it over creates
the next number, which only one can.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from atlas import files
from atlas.store.folder import FolderLocation
from atlas.store.location import TEMPORARY, explained
from atlas.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.store.location import Location

LOCKS = f"{TEMPORARY}locks"
"""Folder of the store that has them; it holds nothing while nobody works."""
_LEASE_SECONDS = 900.0
"""After which a lease is over: its machine was lost."""
_PAUSE_SECONDS = 0.05


@contextmanager
def exclusive(place: Location, name: str, *, wait: float = 0.0) -> Iterator[bool]:
    """Hold a name in a store, for as long as the context lasts.

    Args:
        place: the store's place.
        name: what for; any text.
        wait: seconds to wait while somebody else holds it.

    Yields:
        Whether it is held; False when somebody else holds it.

    Raises:
        StoreError: the store can't be written.
    """
    key = f"{LOCKS}/{_file_name(name)}"
    hold = _hold_file if isinstance(place, FolderLocation) else _hold_lease
    held = wait_until(lambda: hold(place, key), wait, _PAUSE_SECONDS)
    try:
        yield held is not None
    finally:
        if held is not None:
            held.release()


class _File:
    """A locked file."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor

    def release(self) -> None:
        """Let go; the file goes while it is locked, so that nobody else's is removed."""
        with suppress(OSError):
            os.unlink(self.path)
        os.close(self.descriptor)


def _hold_file(place: Location, key: str) -> _File | None:
    """Lock a file; None when another process, or another thread of this one, has it."""
    path = os.fspath(place.local(key))
    with explained("lock", path):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with suppress(OSError):
        if files.lock(descriptor) and os.fstat(descriptor).st_ino == os.stat(path).st_ino:
            return _File(path, descriptor)
    os.close(descriptor)
    return None


class _NumberedLease:
    """A lease in a place that has no locks."""

    def __init__(self, place: Location, key: str, content: bytes) -> None:
        self.place, self.key, self.content = place, key, content

    def release(self) -> None:
        """Let go; a lease that ended by itself may have the same number as another's by now."""
        with suppress(FileNotFoundError):
            if self.place.read(self.key) == self.content:
                self.place.remove(self.key)


def _hold_lease(place: Location, key: str) -> _NumberedLease | None:
    """Create the next lease; None while the last one isn't over."""
    numbers = sorted(int(name) for name in place.names(key) if name.isdecimal())
    if numbers and not _is_over(place, f"{key}/{numbers[-1]:09}"):
        return None
    mine = f"{key}/{(numbers[-1] if numbers else 0) + 1:09}"
    lease = {"holder": os.urandom(8).hex(), "until": time.time() + _LEASE_SECONDS}
    content = json.dumps(lease).encode()
    if not place.create(mine, content):
        return None
    for number in numbers:
        place.remove(f"{key}/{number:09}")
    return _NumberedLease(place, mine, content)


def _is_over(place: Location, key: str) -> bool:
    """Tell whether a lease is gone, or its time is."""
    try:
        return float(json.loads(place.read(key))["until"]) < time.time()
    except FileNotFoundError:
        return True
    except (ValueError, KeyError, TypeError):
        return False


def _file_name(name: str) -> str:
    """Return a name that a file can have, and no other name has."""
    import hashlib

    head = "".join(char if char.isalnum() and char.isascii() else "-" for char in name)[:60]
    return f"{head}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
