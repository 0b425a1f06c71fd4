"""Processes as /proc shows them: a process with all its offspring, and the end of them.

A service's offspring are its descendants, and everything that carries its mark: an environment
variable that children inherit, so that those are found too whose parent has ended. Without a
/proc nothing is found, and only the process group can be stopped.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.processes import ProcessIdentity, find
from atlas.processes import stat as _stat
from atlas.waiting import wait_while

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "ATLAS_PROCESS"
_POLL_SECONDS = 0.05
_KILL_SECONDS = 5.0
_PARENT = 1


def descendants(pid: int) -> set[ProcessIdentity]:
    """Return a process with its children, their children and so on."""
    children: dict[int, list[int]] = {}
    for other in pids():
        fields = _stat(other)
        if fields is not None:
            children.setdefault(int(fields[_PARENT]), []).append(other)
    waiting, family = [pid], set()
    while waiting:
        current = waiting.pop()
        waiting += children.get(current, [])
        family.add(find(current))
    return {process for process in family if process is not None}


def marked(mark: str) -> set[ProcessIdentity]:
    """Return the processes that were started with a mark, except this one."""
    return _with_mark(lambda other: other == mark)


def marked_below(folder: str) -> set[ProcessIdentity]:
    """Return the processes whose mark is a path below a folder, except this one."""
    return _with_mark(lambda other: other.startswith(f"{folder}/"))


def _with_mark(matches: Callable[[str], bool]) -> set[ProcessIdentity]:
    """Return the processes whose mark matches, except this one."""
    marked_pids = (pid for pid in pids() if pid != os.getpid() and matches(_mark(pid)))
    return {process for process in map(find, marked_pids) if process is not None}


def _mark(pid: int) -> str:
    """Return a process's mark; empty for none."""
    prefix = f"{MARK}=".encode()
    marks = (item for item in _environment(pid) if item.startswith(prefix))
    return os.fsdecode(next(marks, prefix)[len(prefix) :])


def end(processes: set[ProcessIdentity], seconds: float) -> set[ProcessIdentity]:
    """Ask processes to end, kill those that don't, and return those that are there even then.

    Args:
        processes: which ones.
        seconds: how long they may take before they are killed.
    """
    left = _signal(processes, signal.SIGTERM, seconds)
    return _signal(left, signal.SIGKILL, _KILL_SECONDS)


def _signal(processes: set[ProcessIdentity], number: int, seconds: float) -> set[ProcessIdentity]:
    """Send a signal and return the processes that are still there after some seconds."""
    left = _alive(processes)
    for process in left:
        _kill(process, number)
    return wait_while(lambda: _alive(left), seconds, _POLL_SECONDS)


def _alive(processes: set[ProcessIdentity]) -> set[ProcessIdentity]:
    """Return those of some processes that are alive."""
    return {process for process in processes if process.is_alive}


def _kill(process: ProcessIdentity, number: int) -> None:
    """Send a signal to a process; it is no error when it has ended or isn't ours."""
    try:
        os.kill(process.pid, number)
    except OSError:
        return


def pids() -> list[int]:
    """Return the ids of all processes."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def command(pid: int) -> str:
    """Return a process's command line, shortened for an error message."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "already ended"
    return b" ".join(words).decode(errors="replace").strip()[:120]


def _environment(pid: int) -> list[bytes]:
    """Return the variables that a process was started with; none when it isn't ours to read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
