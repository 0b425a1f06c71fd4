"""Locks of Pulumi's file backend: wait for one that is held, remove one whose holder is dead.

Pulumi writes a file with pid, host and moment, and removes it at its end; a killed engine leaves it
there, and every later update refuses to start. A lock is stale only if it is this host's and no
engine with its pid has been running since before the lock was written. The engine counts drafts of
locks too, and fails at one that was cut off; such a one is stale once nobody can be writing it.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from atlas import files, processes
from atlas.waiting import wait_while

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_POLL_SECONDS = 0.3
_ENGINE = "pulumi"
_ATTRIBUTES = ".attrs"
_WRITE_SECONDS = 10.0
"""How long the writing of a lock may take, which is a hundred bytes."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a stack.

    Attributes:
        path: its file.
        pid: who holds it; 0 where its file was cut off.
        host: where.
        user: as whom.
        since: since when, as Pulumi wrote it.
    """

    path: Path
    pid: int
    host: str
    user: str
    since: str

    def is_stale(self) -> bool:
        """Tell whether its holder is certainly gone."""
        if not self.pid:
            return _age(self.path) > _WRITE_SECONDS
        if self.host != socket.gethostname():
            return False
        holder = processes.find(self.pid)
        if holder is None or not holder.was_there(self._moment().timestamp()):
            return True  # Nobody, or somebody who has got the pid since.
        name = processes.name_of(self.pid)
        return bool(name) and name != _ENGINE

    def is_alive(self) -> bool:
        """Tell whether its holder is certainly running."""
        return bool(self.pid) and self.host == socket.gethostname() and not self.is_stale()

    def remove(self) -> None:
        """Remove it, with the attributes that Pulumi keeps beside it."""
        files.remove(self.path)
        files.remove(self.path.with_name(f"{self.path.name}{_ATTRIBUTES}"))

    def __str__(self) -> str:
        """Return who holds it since when."""
        if not self.pid:
            return "an unknown process"
        moment = self._moment().strftime("%Y-%m-%d %H:%M:%S")
        return f"process {self.pid} of {self.user} on {self.host}, since {moment}"

    def _moment(self) -> datetime:
        return datetime.fromisoformat(self.since).astimezone()


def locks(folder: Path) -> list[Lock]:
    """Return the locks in a stack's folder of locks."""
    paths = (path for path in sorted(folder.glob("*")) if path.suffix != _ATTRIBUTES)
    entries = map(_read, paths)
    return [lock for lock in entries if lock is not None]


def await_unlocked(folder: Path, seconds: float, say: Callable[[str], None]) -> list[Lock]:
    """Remove stale locks, wait for the others to go, and return those that don't.

    Args:
        folder: a stack's folder of locks.
        seconds: how long to wait.
        say: takes a line that tells what is waited for.
    """
    held = _without_stale(folder)
    if held and seconds > 0:
        say(f"waiting for another update ({held[0]})")
        held = wait_while(lambda: _without_stale(folder), seconds, _POLL_SECONDS)
    return held


def _without_stale(folder: Path) -> list[Lock]:
    """Remove stale locks; return the others."""
    return [lock for lock in locks(folder) if not _break(lock)]


def _break(lock: Lock) -> bool:
    """Remove a lock if it is stale; tell whether it was."""
    if not lock.is_stale():
        return False
    lock.remove()
    return True


def _read(path: Path) -> Lock | None:
    """Return the lock of a file, or of a draft of one; None when it went away meanwhile."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        lock = Lock(path, int(raw["pid"]), raw["hostname"], raw["username"], raw["timestamp"])
        return lock if lock._moment() else None
    except OSError:
        return None
    except (ValueError, LookupError, TypeError):
        return Lock(path, 0, "", "", "")


def _age(path: Path) -> float:
    """Return for how long a file is as it is; 0 where it went away."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
