"""Running pipelines on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.errors import AtlasError
from atlas.masking import mask_of
from atlas.runner.engine import Engine
from atlas.runner.events import LOG, Event, ignore
from atlas.runner.interrupts import interruptible
from atlas.runner.isolation import Isolation, Mixed, Threads
from atlas.runner.settings import IMAGES, PROCESSES, Settings
from atlas.runner.streams import captured
from atlas.step.secrets import mask_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.runner.events import Listener
    from atlas.runner.flight import Flight
    from atlas.step import Job


@dataclass(frozen=True, slots=True)
class Result:
    """How runs ended.

    Attributes:
        flights: one for each run.
        complete: whether all came to its end by itself: not interrupted, not timed out.
        interrupted: whether somebody asked for their end.
        missing: services of the platform that didn't answer, in words.
    """

    flights: tuple[Flight, ...]
    complete: bool = True
    interrupted: bool = False
    missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is done."""
        return self.complete and all(flight.ok for flight in self.flights)


def fly(flights: Sequence[Flight], settings: Settings, listener: Listener = ignore) -> Result:
    """Run flights to their ends.

    Args:
        flights: what to run; the ones that a flight comes after are among them.
        settings: how many at once, and how far apart.
        listener: is told what happens.

    Raises:
        StoreError: the store can't be written any more.
    """
    jobs = settings.jobs or os.cpu_count() or 1
    ended: SimpleQueue[Any] = SimpleQueue()

    def echo(job: Job, line: str) -> None:
        place = (job.run.pipeline, job.run.flow, job.run.id, job.step.name, job.index)
        ended.put(Event(LOG, *place, text=line))

    secrets = (mask_for(flight.plan).values for flight in flights)
    mask = mask_of(frozenset(value for values in secrets for value in values))
    with captured(mask), interruptible(ended.put):
        isolation = _isolation(settings, ended, jobs, echo)
        engine = Engine(flights, ended, isolation, jobs, listener)
        complete = engine.run()
        return Result(tuple(flights), complete, engine.interrupted)


def _isolation(
    settings: Settings, ended: SimpleQueue[Any], jobs: int, echo: Callable[[Job, str], None]
) -> Isolation:
    def processes(warm: int = 0) -> Isolation:
        from atlas.runner.processes import Processes

        return Processes(ended, jobs, warm, echo)

    if settings.isolate == PROCESSES:
        return processes(jobs)
    if settings.isolate == IMAGES:
        from atlas.runner.containers import Containers

        if settings.images is None:
            raise AtlasError(
                f"to run steps in their images takes images; {command('build')} makes them"
            )
        return Containers(ended, settings.images, echo)
    return Mixed(Threads(ended, jobs, echo), processes)
