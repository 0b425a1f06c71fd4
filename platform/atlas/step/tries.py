"""Trying a step again, and running all its keys, where what starts it can do neither.

Each attempt is a process of its own: one that took too long has ended itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from atlas.plan import PlanStep

_STOPPED = 130


@dataclass
class Tries:
    """Runs a step's command until it is done, or no attempt is left.

    Attributes:
        step: the step.
        command: what starts one attempt; for one key, ``--index N`` is added.
        again: whether to try again as the Plan says; else each attempt is the last.
    """

    step: PlanStep
    command: Sequence[str]
    again: bool = True
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def once(self) -> int:
        """Run the step; return the last attempt's exit code."""
        with self._stopping():
            return self._tried(())

    def each(self, indexes: Iterable[int]) -> int:
        """Run every key of the step, some at once; return 0 when all are done."""
        with self._stopping(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            codes = list(pool.map(self._tried, [("--index", str(index)) for index in indexes]))
        return next(filter(None, codes), 0)

    def _tried(self, more: Sequence[str]) -> int:
        retries = self.step.retries
        limit = retries.limit if self.again else 0
        for attempt in range(limit + 1):
            code = self._run([*self.command, *more])
            if not code or attempt == limit:
                break
            wait = min(retries.delay * retries.factor**attempt, retries.max_delay)
            sys.stderr.write(f"step {self.step.name}: tried again in {wait:g} s\n")
            if self._stopped.wait(wait):
                return _STOPPED
        return _STOPPED if self._stopped.is_set() else code

    def _run(self, command: Sequence[str]) -> int:
        if self._stopped.is_set():
            return _STOPPED
        process = subprocess.Popen(command)  # noqa: S603 - our own command
        self._running.add(process)
        if self._stopped.is_set():
            process.terminate()
        code = process.wait()
        self._running.discard(process)
        return code

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """End what runs when this process is asked to end."""
        kinds = (signal.SIGTERM, signal.SIGINT)
        before = {kind: signal.signal(kind, partial(_stop, self)) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    @property
    def is_stopped(self) -> bool:
        """Whether this process was asked to end."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Start nothing more, and end what runs."""
        self._stopped.set()
        for process in list(self._running):
            process.terminate()


def _stop(tries: Tries, number: int, frame: Any) -> None:
    tries.stop()
