"""What steps log on an orchestrator: read from the store, and reported line by line.

Of a step that has no log there, because it hasn't got that far or died before, it is what the
orchestrator or its cluster has: the log of its pod.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from atlas.errors import PlatformError, StoreError
from atlas.runner import events
from atlas.step.logs import read_log
from atlas.store import FolderLocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.launch.progress import LaunchProgress
    from atlas.runner.units import Unit
    from atlas.store import Run, Store

_PAUSE = 5.0
"""Seconds between two looks at the pod of a unit that runs."""


class Elsewhere(Protocol):
    """Returns the log of a step, or of one key of it, that an orchestrator has."""

    def __call__(self, step: str, index: int | None, /, *, is_over: bool) -> str:
        """Return it; empty for none."""


class Logs:
    """The logs of a run's units."""

    def __init__(
        self, store: Store, run: Run, progress: LaunchProgress, elsewhere: Elsewhere
    ) -> None:
        """Begin with nothing printed; of a unit that is over, print the rest before its end."""
        self._store, self._run, self._progress = store, run, progress
        self._elsewhere = elsewhere
        self._reported: dict[Unit, int] = {}
        self._of_pods: dict[Unit, list[str]] = {}
        self._next: dict[Unit, float] = {}
        progress.ending = self._end

    def look(self) -> None:
        """Report the new lines of units that run."""
        for unit in self._progress.running():
            if not self._report(unit, is_over=False) and time.monotonic() >= self._next.get(
                unit, 0
            ):
                self._report_pod(unit, is_over=False)
                self._next[unit] = time.monotonic() + _PAUSE

    def finish(self) -> None:
        """Report what came last, once the orchestrator has ended the run, and its processes are."""
        for unit in list(self._reported):
            outcome = self._progress.outcomes.get(unit)
            if not self._report(unit, is_over=True) and not (outcome and outcome.ok):
                self._report_pod(unit, is_over=True)

    def _end(self, unit: Unit, ok: bool) -> None:
        # A store that isn't a folder gets the end of a log after the outcome that ends the unit.
        is_over = isinstance(self._store.location, FolderLocation)
        if not self._report(unit, is_over=is_over) and not ok:
            self._report_pod(unit, is_over=True)

    def _report(self, unit: Unit, *, is_over: bool) -> bool:
        """Report whole lines; of a unit that is over, also an incomplete last one.

        Returns:
            Whether the store has a log of it.
        """
        self._reported.setdefault(unit, 0)
        with suppress(StoreError):
            text = read_log(self._store.location, self._run, unit.step, unit.item)
            start = self._reported[unit] or self._known(unit, text)
            end = max(start, len(text) if is_over else text.rfind("\n") + 1)
            for line in text[start:end].splitlines():
                self._progress.tell(events.LOG, unit, line)
            self._reported[unit] = end
            return bool(text)
        return True

    def _report_pod(self, unit: Unit, *, is_over: bool) -> None:
        """Report the lines of a unit's pod that are new: a window of its end, which moves."""
        with suppress(PlatformError):
            lines = self._elsewhere(unit.step, unit.item, is_over=is_over).splitlines()
            told = self._of_pods.setdefault(unit, [])
            new = lines[_overlap(told, lines) :]
            for line in new:
                self._progress.tell(events.LOG, unit, line)
            told += new

    def _known(self, unit: Unit, text: str) -> int:
        """Return how much of a log in the store is reported already, as its pod printed it."""
        lines = text.splitlines(keepends=True)
        told = self._of_pods.get(unit, [])
        count = _overlap(told, [line.rstrip("\r\n") for line in lines])
        return sum(map(len, lines[:count]))


def _overlap(told: Sequence[str], lines: Sequence[str]) -> int:
    """Return how many of some lines are the last ones that were told."""
    most = min(len(told), len(lines))
    return next((n for n in range(most, 0, -1) if told[-n:] == lines[:n]), 0)
