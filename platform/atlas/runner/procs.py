"""What the processes of a step use and leave behind, read from ``/proc`` where there is one."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from atlas.dataclass import dataclass

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Watch:
    """Watches the processes of a step: a worker's children, unless it runs the step itself.

    Attributes:
        process: the worker's id.
        limit: bytes that they may use together, or None.
        alone: whether the worker runs the step itself.
    """

    process: int
    limit: int | None
    alone: bool = False

    def excess(self) -> str:
        """Return in words that more is used than may be; nothing while that isn't so."""
        if self.limit is None:
            return ""
        own = (self.process,) if self.alone else ()
        used = sum(map(resident, (*own, *children(self.process))))
        if used <= self.limit:
            return ""
        return (
            f"used {used // _MIB} MiB of memory, and its resources say {self.limit // _MIB} MiB; "
            "raise resources.memory, or use less"
        )


def resident(process: int) -> int:
    """Return how many bytes of memory a process has; of one that is gone, 0."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def children(process: int) -> list[int]:
    """Return the ids of a process's children and theirs."""
    ids: list[int] = []
    waiting = [process]
    while waiting:
        for task in _tasks(waiting.pop()):
            try:
                own = [int(pid) for pid in (task / "children").read_text().split()]
            except OSError:
                continue
            ids += own
            waiting += own
    return ids


def end(processes: list[int]) -> None:
    """End processes at once; those that are gone are fine."""
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def end_children() -> None:
    """End every process that this one is the parent of, and those below; wait until all are gone.

    For one that adopts orphans, these are all that have been started below it.
    """
    own = os.getpid()
    with suppress(ChildProcessError):
        while True:
            end(children(own))
            os.waitpid(-1, 0)


def leftovers(process: int) -> bool:
    """Tell whether a process has children."""
    return any(_has_children(task) for task in _tasks(process))


def _has_children(task: Path) -> bool:
    try:
        return bool((task / "children").read_bytes())
    except OSError:
        return False


def _tasks(process: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{process}/task").iterdir())
    except OSError:
        return []
