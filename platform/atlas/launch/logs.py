"""What steps log on an orchestrator: read from the store, and reported line by line."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.runner import events
from atlas.step.logs import read_log
from atlas.store import FolderLocation

if TYPE_CHECKING:
    from atlas.launch.progress import LaunchProgress
    from atlas.runner.units import Unit
    from atlas.store import Run, Store


class Logs:
    """The logs of a run's units."""

    def __init__(self, store: Store, run: Run, progress: LaunchProgress) -> None:
        """Begin with nothing printed; of a unit that is over, print the rest before its end."""
        self._store, self._run, self._progress = store, run, progress
        self._reported: dict[Unit, int] = {}
        progress.ending = self._end

    def look(self) -> None:
        """Report the new lines of units that run."""
        for unit in self._progress.running():
            self._report(unit, is_over=False)

    def finish(self) -> None:
        """Report what came last, once the orchestrator has ended the run, and its processes are."""
        for unit in list(self._reported):
            self._report(unit, is_over=True)

    def _end(self, unit: Unit) -> None:
        # A store that isn't a folder gets the end of a log after the outcome that ends the unit.
        self._report(unit, is_over=isinstance(self._store.location, FolderLocation))

    def _report(self, unit: Unit, *, is_over: bool) -> None:
        """Report whole lines; of a unit that is over, also an incomplete last one."""
        self._reported.setdefault(unit, 0)
        with suppress(StoreError):
            text = read_log(self._store.location, self._run, unit.step, unit.item)
            start = self._reported.get(unit, 0)
            end = max(start, len(text) if is_over else text.rfind("\n") + 1)
            for line in text[start:end].splitlines():
                self._progress.tell(events.LOG, unit, line)
            self._reported[unit] = end
