"""Following runs to their ends: several at once, each after those that it reads.

However it ends, a message says what becomes of runs that aren't over.
"""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.runner.interrupts import interruptible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.launch.followed import Followed
    from atlas.runner.interrupts import Interrupt

_SHORTEST, _LONGEST = 0.3, 3.0
"""Seconds between two looks: the more, the longer nothing has happened."""
_ENDING = 60.0
"""Seconds that a cancelled run has to come to its end."""
_REPORTING = 10.0
"""Seconds between two messages that say what is waited for."""
INTERRUPTED = "interrupted"


def follow(runs: Sequence[Followed], jobs: int, timeout: float) -> str:
    """Start runs and follow them to their ends.

    Args:
        runs: what to run; those that one of them comes after included.
        jobs: how many at once.
        timeout: seconds until those that aren't over are cancelled; 0 for never.

    Returns:
        Why they didn't all come to their ends by themselves: `INTERRUPTED`, or that time was up;
        empty when they did.
    """
    interrupts: SimpleQueue[Interrupt] = SimpleQueue()
    with interruptible(interrupts.put):
        return _Following(runs, jobs, timeout, interrupts).run()


class _Following:
    """The loop over runs."""

    def __init__(
        self,
        runs: Sequence[Followed],
        jobs: int,
        timeout: float,
        interrupts: SimpleQueue[Interrupt],
    ) -> None:
        self._waiting, self._jobs, self._interrupts = list(runs), jobs, interrupts
        self._open: list[Followed] = []
        self._over: dict[str, Followed] = {}
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout if timeout else None
        self._ended_by = ""
        self._reported_at = 0.0
        self._pause = _SHORTEST

    def run(self) -> str:
        """Follow everything to its end; return what ended it before its time, if something did."""
        while self._waiting or self._open:
            self._start()
            is_new = [self._look(run) for run in self._open]
            self._drop()
            if self._open:
                self._pause = _SHORTEST if any(is_new) else min(self._pause * 1.3, _LONGEST)
                self._wait()
        return self._ended_by

    def _start(self) -> None:
        """Start what may start now."""
        for run in [run for run in self._waiting if run.after <= self._over.keys()]:
            if self._ended_by or len(self._open) < self._jobs:
                self._waiting.remove(run)
                self._begin(run)
        self._drop()

    def _begin(self, run: Followed) -> None:
        failed = sorted(name for name in run.after if not self._over[name].ok)
        if failed or self._ended_by:
            run.leave(f"{failed[0]} isn't done" if failed else "the run was stopped")
        else:
            self._safely(run, run.start)
        self._open.append(run)

    def _look(self, run: Followed) -> bool:
        return not run.is_over and self._safely(run, run.look)

    def _safely(self, run: Followed, action: Callable[[], object]) -> bool:
        """Do something for one run; what goes wrong keeps no other from being followed."""
        try:
            return bool(action())
        except AtlasError as error:
            run.error = str(error)
            return True

    def _drop(self) -> None:
        """Let go of what is over, and of what waits for it."""
        for run in [run for run in self._open if run.is_over]:
            self._open.remove(run)
            self._over[run.name] = run

    def _wait(self) -> None:
        """Wait for the next look; end what runs where somebody wishes so, or time is up."""
        now = time.monotonic()
        self._report_wait(now)
        left = self._pause if self._deadline is None else self._deadline - now
        try:
            interrupt = self._interrupts.get(timeout=max(0.0, min(self._pause, left)))
        except Empty:
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._expire()
            return
        self._interrupt(at_once=interrupt.at_once)

    def _report_wait(self, now: float) -> None:
        """Say what is still waited for, once runs were cancelled."""
        if self._ended_by and self._deadline is not None and now >= self._reported_at + _REPORTING:
            self._reported_at = now
            for run in self._open:
                run.report_wait(max(0.0, self._deadline - now))

    def _interrupt(self, *, at_once: bool) -> None:
        """Cancel what runs; asked twice, leave it to its end."""
        if self._ended_by:
            self._leave(INTERRUPTED)
            return
        self._end(INTERRUPTED)
        if at_once:
            self._leave(INTERRUPTED)

    def _expire(self) -> None:
        if self._ended_by:
            self._leave(self._ended_by)
        else:
            self._end(f"T307: not over after {self._timeout:g} s")

    def _end(self, why: str) -> None:
        self._ended_by = why
        self._deadline = time.monotonic() + _ENDING
        for run in self._open:
            run.cancel(why)
        self._drop()

    def _leave(self, why: str) -> None:
        for run in self._open:
            run.leave(why)
        self._drop()
