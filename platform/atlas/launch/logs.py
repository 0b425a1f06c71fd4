"""What steps log on an orchestrator, told line by line as it comes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from atlas.errors import PlatformError
from atlas.runner import events

if TYPE_CHECKING:
    from atlas.launch.progress import Progress
    from atlas.runner.units import Unit
    from atlas.targets.launcher import Launched, Launcher


class Logs:
    """The logs of a run's units."""

    def __init__(self, launcher: Launcher, progress: Progress) -> None:
        """Begin with nothing told."""
        self._launcher, self._progress = launcher, progress
        self._told: dict[Unit, int] = {}
        self._closed: set[Unit] = set()

    def look(self, launched: Launched) -> None:
        """Tell the whole lines that are new; of a unit that is over, the rest, too."""
        over = [unit for unit in self._progress.outcomes if unit not in self._closed]
        for unit in self._progress.running():
            self._tell(launched, unit, is_over=False)
        for unit in over:
            self._tell(launched, unit, is_over=True)
            self._closed.add(unit)

    def _tell(self, launched: Launched, unit: Unit, *, is_over: bool) -> None:
        with suppress(PlatformError):
            text = self._launcher.log(launched, unit.step, unit.item)
            end = len(text) if is_over else text.rfind("\n") + 1
            for line in text[self._told.get(unit, 0) : end].splitlines():
                self._progress.tell(events.LOG, unit, line)
            self._told[unit] = max(end, self._told.get(unit, 0))
