"""How a step is kept apart from the run: the protocol, and the way without any, in this process."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.runner.streams import StepLog, logger_for, writing_to
from atlas.step import FAILED, Outcome, execute
from atlas.step.failure import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from atlas.runner.streams import Log
    from atlas.step import Job


@dataclass(frozen=True)
class UnitEnd:
    """A unit of work is over.

    Attributes:
        number: the unit's number, as it was started with.
        outcome: how it ended.
    """

    number: int
    outcome: Outcome


class Isolation(Protocol):
    """Runs units of work, some at once; says on a queue when one is over."""

    def start(self, number: int, job: Job) -> None:
        """Start a unit; its end comes to the queue."""

    def stop(self, number: int) -> bool:
        """End a unit by force, with all that it has started; no end comes to the queue.

        Returns:
            Whether it has really ended. If not, the run can't go on.
        """

    def close(self) -> None:
        """End what still runs, and leave nothing behind."""


class Threads:
    """Runs units in threads of this process: the fastest way, and no protection."""

    def __init__(
        self,
        ended: SimpleQueue[UnitEnd],
        jobs: int,
        echo: Callable[[Job, str], None],
        around: Callable[[Job], AbstractContextManager[None]] = lambda job: nullcontext(),
    ) -> None:
        """Run at most `jobs` units at once, each in what is `around` it; `echo` their logs."""
        self._ended = ended
        self._jobs = jobs
        self._echo = echo
        self._around = around
        self._work: SimpleQueue[tuple[int, Job] | None] = SimpleQueue()
        self._threads = 0
        self._busy = 0
        self._lock = threading.Lock()
        self._stopped: set[int] = set()

    def start(self, number: int, job: Job) -> None:
        """Start a unit, in a thread that waits or in a new one."""
        with self._lock:
            self._busy += 1
            more = self._threads < min(self._busy, self._jobs)
            self._threads += more
        if more:
            threading.Thread(target=self._serve, name=f"atlas-{self._threads}", daemon=True).start()
        self._work.put((number, job))

    def stop(self, number: int) -> bool:
        """Give a unit up: a thread can't be ended, but what it says no longer counts."""
        self._stopped.add(number)
        return False

    def close(self) -> None:
        """Let the threads end when they have nothing to do."""
        for _ in range(self._threads):
            self._work.put(None)

    def _serve(self) -> None:
        while True:
            item = self._work.get()
            if item is None:
                return
            number, job = item
            log = StepLog(job, partial(self._echo, job))
            with self._around(job):
                outcome = run_job(job, log, self._gone(number))
            with self._lock:
                self._busy -= 1
            if number not in self._stopped:
                self._ended.put(UnitEnd(number, outcome))

    def _gone(self, number: int) -> Callable[[], bool]:
        return lambda: number in self._stopped


class Mixed:
    """Runs units in this process, except those that belong into one of their own."""

    def __init__(
        self, threads: Threads, processes: Callable[[], Isolation], alone: Callable[[Job], bool]
    ) -> None:
        """Run in threads; get processes only when a unit needs one.

        Args:
            threads: runs units in this process.
            processes: makes what runs the others.
            alone: tells whether a unit needs a process of its own.
        """
        self._threads = threads
        self._make = processes
        self._alone = alone
        self._processes: Isolation | None = None
        self._apart: set[int] = set()

    def start(self, number: int, job: Job) -> None:
        """Start a unit where it belongs."""
        if not self._alone(job):
            self._threads.start(number, job)
            return
        self._apart.add(number)
        self.processes.start(number, job)

    @property
    def processes(self) -> Isolation:
        """What runs units in processes of their own, made when it is first asked for."""
        if self._processes is None:
            self._processes = self._make()
        return self._processes

    def stop(self, number: int) -> bool:
        """End a unit by force."""
        if self._processes is not None and number in self._apart:
            return self._processes.stop(number)
        return self._threads.stop(number)

    def close(self) -> None:
        """End everything."""
        self._threads.close()
        if self._processes is not None:
            self._processes.close()


def run_job(job: Job, log: Log, gone: Callable[[], bool]) -> Outcome:
    """Run a job with its own log; whatever goes wrong is an outcome."""
    job = replace(job, logger=logger_for(log, job.step.name), gone=gone)
    try:
        with writing_to(log):
            outcome = execute(job)
        log.close()
    except AtlasError as error:
        return unrecorded(job, str(error))
    except BaseException as error:
        return unrecorded(job, one_line(error))
    return outcome


def unrecorded(job: Job, error: str) -> Outcome:
    """Return the outcome of a job that failed and of which that can't be recorded."""
    outcome = Outcome(FAILED, job.plan.digest, error=error, attempts=job.attempt)
    return outcome.masked(job.mask)
