"""Running pipelines on this machine."""

from __future__ import annotations

import os
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.masking import mask_of
from atlas.runner.engine import RunEngine
from atlas.runner.events import LOG, Event, ignore
from atlas.runner.interrupts import interruptible
from atlas.runner.isolation import Isolation, Mixed, Threads
from atlas.runner.restored import as_before
from atlas.runner.settings import IMAGES, PROCESSES, THREADS, RunSettings
from atlas.runner.streams import captured
from atlas.step import code
from atlas.step.harmless import is_harmless
from atlas.step.secrets import mask_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.runner.events import Listener
    from atlas.runner.local_run import LocalRun
    from atlas.step import Job

_WARM = 8
"""The most workers that are started before they are needed."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How runs ended.

    Attributes:
        runs: one for each run.
        complete: whether all came to its end by itself: not interrupted, not timed out.
        interrupted: whether somebody asked for their end.
        missing: services of the platform that didn't answer, in words.
    """

    runs: tuple[LocalRun, ...]
    complete: bool = True
    interrupted: bool = False
    missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is done."""
        return self.complete and all(run.ok for run in self.runs)


def run_all(
    runs: Sequence[LocalRun], settings: RunSettings, listener: Listener = ignore
) -> RunResult:
    """Run every run to its end.

    Args:
        runs: what to run; the runs that one comes after are among them.
        settings: how many at once, and how far apart.
        listener: gets each event.

    Raises:
        StoreError: the store can't be written any more.
    """
    jobs = 1 if settings.isolate == THREADS else settings.jobs or os.cpu_count() or 1
    ended: SimpleQueue[Any] = SimpleQueue()

    def echo(job: Job, line: str) -> None:
        place = (job.run.pipeline, job.run.flow, job.run.id, job.step.name, job.index)
        ended.put(Event(LOG, *place, text=line))

    code.announce({run.plan.config: run.folder for run in runs})
    secrets = (mask_for(run.plan).values for run in runs)
    mask = mask_of(frozenset(value for values in secrets for value in values))
    with captured(mask), interruptible(ended.put):
        isolation = _isolation(runs, settings, ended, jobs, echo)
        engine = RunEngine(runs, ended, isolation, jobs, listener)
        complete = engine.run()
        return RunResult(tuple(runs), complete, engine.interrupted)


def _isolation(
    runs: Sequence[LocalRun],
    settings: RunSettings,
    ended: SimpleQueue[Any],
    jobs: int,
    echo: Callable[[Job, str], None],
) -> Isolation:
    def processes() -> Isolation:
        from atlas.runner.processes import Processes

        return Processes(ended, jobs, min(jobs, _WARM), echo)

    if settings.isolate == PROCESSES:
        return processes()
    if settings.isolate == IMAGES:
        from atlas.runner.containers import ContainerIsolation

        if settings.images is None:
            raise AtlasError(
                f"to run steps in their images takes images; {command('build')} makes them"
            )
        return ContainerIsolation(ended, settings.images, echo)
    if settings.isolate == THREADS:
        return Mixed(Threads(ended, 1, echo, as_before), processes, _has_variables)
    mixed = Mixed(Threads(ended, jobs, echo), processes, _can_tell)
    if any(map(_run_can_tell, runs)):
        _ = mixed.processes  # They are forked before there is another thread.
    return mixed


def _has_variables(job: Job) -> bool:
    return bool(job.step.env)


def _can_tell(job: Job) -> bool:
    return not is_harmless(job.step, job.folder, job.plan.code)


def _run_can_tell(run: LocalRun) -> bool:
    code = run.plan.code
    return not all(is_harmless(step, run.folder, code) for step in run.plan.steps)
