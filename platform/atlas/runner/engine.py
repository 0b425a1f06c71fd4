"""The engine: runs the units of several runs, so many at once, and ends on every way out."""

from __future__ import annotations

import heapq
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.runner.events import STOPPING, Event
from atlas.runner.isolation import UnitEnd
from atlas.step.execute import refuse
from atlas.step.lost import lost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.runner.events import Listener
    from atlas.runner.interrupts import Interrupt
    from atlas.runner.isolation import Isolation
    from atlas.runner.local_run import LocalRun
    from atlas.runner.units import Unit
    from atlas.step import Job

_FOREVER = 3600.0
_SIGNALS_SECONDS = 1.0
"""The longest wait without a look at signals."""
_PATIENCE = "no further step is started; once more, and those that run are ended, too"


@dataclass
class _Running:
    """A unit that was started."""

    run: LocalRun
    unit: Unit
    job: Job
    started: float
    deadline: float | None


class RunEngine:
    """Runs the units of several runs to their ends."""

    def __init__(
        self,
        runs: Sequence[LocalRun],
        ended: SimpleQueue[UnitEnd | Event | Interrupt],
        isolation: Isolation,
        jobs: int,
        listener: Listener,
    ) -> None:
        """Take the runs.

        Args:
            runs: what to run.
            ended: gets the end of every unit that the isolation runs, lines of their logs, and
                what asks for the end of the run.
            isolation: runs units.
            jobs: how many at once.
            listener: gets each event, from the thread that calls `run`.
        """
        self._listener = listener
        self._waiting = list(runs)
        self._open: list[LocalRun] = []
        self._over: dict[str, LocalRun] = {}
        self._ended, self._isolation, self._jobs = ended, isolation, jobs
        self._running: dict[int, _Running] = {}
        self._delayed: list[tuple[float, int, LocalRun, Unit, int]] = []
        self._attempts: dict[tuple[str, Unit], int] = {}
        self._number = 0
        self.stopping = self.interrupted = False

    def run(self) -> bool:
        """Run everything; tell whether all came to its end by itself.

        Raises:
            StoreError: the store can't be written any more.
        """
        try:
            while self._waiting or self._open:
                if not self._go_on():
                    return False
            return not self.stopping
        finally:
            self._isolation.close()

    def _go_on(self) -> bool:
        """Do what can be done, and wait for the next thing to happen; False to end by force."""
        try:
            self._open_runs()
            self._start_units()
            self._close_runs()
            if self._open:
                self._wait()
        except _GivenUp as given_up:
            self._abandon(str(given_up))
            return False
        return True

    # Runs ------------------------------------------------------------------------------------

    def _open_runs(self) -> None:
        for run in [run for run in self._waiting if run.after | run.behind <= self._over.keys()]:
            self._waiting.remove(run)
            self._begin(run)

    def _begin(self, run: LocalRun) -> None:
        failed = sorted(name for name in run.after if not self._over[name].ok)
        if failed or self.stopping:
            run.error = f"{failed[0]} isn't done" if failed else "the run was stopped"
            self._over[run.name] = run
            return
        try:
            run.open()
        except AtlasError as error:
            run.error = str(error)
            self._over[run.name] = run
            return
        self._open.append(run)
        self._tell(run)

    def _close_runs(self) -> None:
        for run in [run for run in self._open if run.is_idle]:
            self._open.remove(run)
            self._close(run)
            self._open_runs()
            self._start_units()

    def _close(self, run: LocalRun) -> None:
        run.close()
        self._over[run.name] = run
        self._tell(run)

    def _tell(self, run: LocalRun) -> None:
        for event in run.events():
            self._listener(event)

    # Units -----------------------------------------------------------------------------------

    def _start_units(self) -> None:
        if self.stopping:
            for run in self._open:
                run.drop()
            return
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            _, _, run, unit, _ = heapq.heappop(self._delayed)
            run.again(unit)
        for run in self._open:
            while len(self._running) < self._jobs and (ready := run.take()) is not None:
                self._tell(run)
                self._start(run, ready)

    def _start(self, run: LocalRun, unit: Unit) -> None:
        attempt = self._attempts.get((run.name, unit), 1)
        job = run.job(unit, attempt)
        now = time.monotonic()
        deadline = None if job.step.timeout is None else now + job.step.timeout
        self._number += 1
        self._running[self._number] = _Running(run, unit, job, now, deadline)
        self._isolation.start(self._number, job)

    def _wait(self) -> None:
        """Wait for the next unit to be over, or for the next moment at which something is due."""
        try:
            # A signal that comes just before the wait begins is only seen once that is over.
            self._receive(self._ended.get(timeout=min(self._time_left(), _SIGNALS_SECONDS)))
            while True:
                self._receive(self._ended.get_nowait())
        except Empty:
            self._end_late_ones()

    def _receive(self, message: UnitEnd | Event | Interrupt) -> None:
        """Handle the end of a unit, a line of its log, or a signal."""
        if isinstance(message, Event):
            self._listener(message)
        elif isinstance(message, UnitEnd):
            self._end(message)
        elif message.at_once or self.stopping:
            self.interrupted = True
            raise _GivenUp("interrupted")
        else:
            self.interrupted = True
            self._stop()
            self._listener(Event(STOPPING, "", "", "", text=_PATIENCE))

    def _time_left(self) -> float:
        due = [
            running.deadline for running in self._running.values() if running.deadline is not None
        ]
        due += [self._delayed[0][0]] if self._delayed else []
        return max(0.0, min(due) - time.monotonic()) if due else _FOREVER

    def _end_late_ones(self) -> None:
        now = time.monotonic()
        for number, running in list(self._running.items()):
            if running.deadline is not None and running.deadline <= now:
                ended = self._isolation.stop(number)
                text = f"timed out after {running.job.step.timeout:g} s"
                told = lost if ended else refuse
                late = UnitEnd(number, told(running.job, text, now - running.started))
                self._end(late, again=ended)
                if not ended:
                    raise _GivenUp(f"step {running.unit.step} {text}")

    def _end(self, ended: UnitEnd, *, again: bool = True) -> None:
        """Take note of a unit's end; have it run again where it may and `again` is given."""
        running = self._running.pop(ended.number, None)
        if running is None:
            return
        retries, attempt = running.job.step.retries, running.job.attempt
        if ended.outcome.ok or attempt > retries.limit or self.stopping or not again:
            running.run.end(running.unit, ended.outcome)
            self._tell(running.run)
            return
        wait = min(retries.delay * retries.factor ** (attempt - 1), retries.max_delay)
        self._attempts[running.run.name, running.unit] = attempt + 1
        running.run.retry(running.unit, ended.outcome)
        self._tell(running.run)
        item = (time.monotonic() + wait, ended.number, running.run, running.unit, attempt)
        heapq.heappush(self._delayed, item)

    # Ends by force ---------------------------------------------------------------------------

    def _stop(self) -> None:
        """Start nothing more, and wait for what runs."""
        self.stopping = True
        for run in self._open:
            run.drop()
        for _, _, run, unit, _ in self._delayed:
            run.again(unit)
            run.drop()
        self._delayed.clear()

    def _abandon(self, why: str) -> None:
        """End what runs by force, record that, and close what can be closed."""
        self._stop()
        for number, running in list(self._running.items()):
            self._isolation.stop(number)
            self._end(UnitEnd(number, refuse(running.job, why, time.monotonic() - running.started)))
        for run in self._open:
            self._close(run)
        self._open.clear()


class _GivenUp(Exception):
    """A step can't be ended without ending the run. Never leaves the engine."""
