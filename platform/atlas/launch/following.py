"""Following runs to their ends: several at once, each after those that it reads.

On every way out it is said what becomes of those that still run.
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
_TELLING = 10.0
"""Seconds between two times that it is said what is waited for."""
INTERRUPTED = "interrupted"


def follow(runs: Sequence[Followed], jobs: int, timeout: float) -> str:
    """Start runs and follow them to their ends.

    Args:
        runs: what to run; those that one comes after are among them.
        jobs: how many at once.
        timeout: seconds until those that aren't over are cancelled; 0 for never.

    Returns:
        Why they didn't all come to their ends by themselves: `INTERRUPTED`, or that time was up;
        empty when they did.
    """
    said: SimpleQueue[Interrupt] = SimpleQueue()
    with interruptible(said.put):
        return _Following(runs, jobs, timeout, said).run()


class _Following:
    """The loop over runs."""

    def __init__(
        self,
        runs: Sequence[Followed],
        jobs: int,
        timeout: float,
        said: SimpleQueue[Interrupt],
    ) -> None:
        self._waiting, self._jobs, self._said = list(runs), jobs, said
        self._open: list[Followed] = []
        self._over: dict[str, Followed] = {}
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout if timeout else None
        self._ended_by = ""
        self._told_at = 0.0
        self._pause = _SHORTEST

    def run(self) -> str:
        """Follow everything to its end; return what ended it before its time, if something did."""
        while self._waiting or self._open:
            self._start()
            is_new = [self._look(one) for one in self._open]
            self._drop()
            if self._open:
                self._pause = _SHORTEST if any(is_new) else min(self._pause * 1.3, _LONGEST)
                self._wait()
        return self._ended_by

    def _start(self) -> None:
        """Start what may start now."""
        for one in [one for one in self._waiting if one.after <= self._over.keys()]:
            if self._ended_by or len(self._open) < self._jobs:
                self._waiting.remove(one)
                self._begin(one)
        self._drop()

    def _begin(self, one: Followed) -> None:
        failed = sorted(name for name in one.after if not self._over[name].ok)
        if failed or self._ended_by:
            one.leave(f"{failed[0]} isn't done" if failed else "the run was stopped")
        else:
            self._safely(one, one.start)
        self._open.append(one)

    def _look(self, one: Followed) -> bool:
        return not one.is_over and self._safely(one, one.look)

    def _safely(self, one: Followed, action: Callable[[], object]) -> bool:
        """Do something for one run; what goes wrong keeps no other from being followed."""
        try:
            return bool(action())
        except AtlasError as error:
            one.error = str(error)
            return True

    def _drop(self) -> None:
        """Let go of what is over, and of what waits for it."""
        for one in [one for one in self._open if one.is_over]:
            self._open.remove(one)
            self._over[one.name] = one

    def _wait(self) -> None:
        """Wait for the next look; end what runs where somebody wishes so, or time is up."""
        now = time.monotonic()
        self._tell_wait(now)
        left = self._pause if self._deadline is None else self._deadline - now
        try:
            said = self._said.get(timeout=max(0.0, min(self._pause, left)))
        except Empty:
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._expire()
            return
        self._interrupt(at_once=said.at_once)

    def _tell_wait(self, now: float) -> None:
        """Say what is still waited for, once runs were cancelled."""
        if self._ended_by and self._deadline is not None and now >= self._told_at + _TELLING:
            self._told_at = now
            for one in self._open:
                one.tell_wait(max(0.0, self._deadline - now))

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
        for one in self._open:
            one.cancel(why)
        self._drop()

    def _leave(self, why: str) -> None:
        for one in self._open:
            one.leave(why)
        self._drop()
