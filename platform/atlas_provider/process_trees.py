"""Processes with all their offspring, and the end of them.

A service's offspring are its descendants, and everything that carries its mark: an environment
variable that children inherit, so that those are found too whose parent has ended.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import psutil

from atlas.processes import ProcessIdentity, find
from atlas.waiting import wait_while

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MARK = "ATLAS_PROCESS"
_POLL_SECONDS = 0.05
_KILL_SECONDS = 5.0
_SHOWN = 120


def descendants(pid: int) -> set[ProcessIdentity]:
    """Return a process with its children, their children and so on."""
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return set()
    family = [find(pid), *(find(child.pid) for child in children)]
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
    """Return a process's mark; empty for none, and where it isn't ours to read."""
    try:
        return str(psutil.Process(pid).environ().get(MARK, ""))
    except (psutil.Error, OSError):
        return ""


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
    """Send a signal to a process; it isn't an error when it has ended or isn't ours."""
    try:
        os.kill(process.pid, number)
    except OSError:
        return


def pids() -> list[int]:
    """Return the ids of all processes."""
    return list(psutil.pids())


def command(pid: int) -> str:
    """Return a process's command line, shortened for an error message."""
    try:
        return " ".join(psutil.Process(pid).cmdline()).strip()[:_SHOWN]
    except psutil.Error:
        return "already ended"


def describe(processes: Iterable[ProcessIdentity]) -> str:
    """Return the ids and command lines of processes, for an error message."""
    return ", ".join(f"{process.pid} ({command(process.pid)})" for process in processes)
