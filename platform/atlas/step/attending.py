"""A challenger's step, or a search's trial, that is killed, and doesn't fail the run by that.

A process can't record that it was killed. Where an orchestrator starts such a step, the process
that it starts waits for the one that runs the step, and records how that has ended. Where both are
killed, that of a challenger is recorded at the end of the run, and a trial fails the run.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.step.execute import Job, record, recorded, refuse
from atlas.step.finish import unfinished
from atlas.step.inputs import Reader
from atlas.step.lost import lost
from atlas.step.rivals import idle
from atlas.step.tries import Tries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from atlas.plan import Plan, PlanStep
    from atlas.store import Run, Store

ATTENDED = "--attended"
"""The option of a step whose end is recorded by the process that started it."""


def run_attended(job: Job, words: Sequence[str]) -> int | None:
    """Run a step in a child process, and record a failure that the child couldn't.

    Args:
        job: the step.
        words: the options of `python -m atlas.step` for it.

    Returns:
        The child's exit code where nothing is left to do; None where the step was recorded, but its
        artifacts weren't handed on.

    Raises:
        StoreError: the outcome can't be recorded.
    """
    before = recorded(job.store, job.run, job.step.name, job.index)
    command = [sys.executable, "-m", "atlas.step", *words, ATTENDED]
    tries = Tries(job.step, command, again=False)
    started = time.monotonic()
    code = tries.once()
    if tries.is_stopped:
        return code
    after = recorded(job.store, job.run, job.step.name, job.index)
    is_lost = after is None or after == before
    if job.step.rival_of and (is_lost or (after and not after.ok)):
        refuse(job, _last_words(code))
        return None
    if is_lost:
        after = lost(job, _last_words(code), time.monotonic() - started)
    if after is None or not after.ok:
        return code if code > 0 else 1
    return 0 if code == 0 and not is_lost else None


def _last_words(code: int) -> str:
    """Say how a process ended that recorded nothing."""
    if code >= 0:
        return f"its process ended by itself, with exit code {code}; its log says more"
    reason = ", for instance because memory ran out" if code == -signal.SIGKILL else ""
    return f"its process was killed by signal {-code}{reason}"


def record_killed(store: Store, plan: Plan, run: Run) -> None:
    """Record challenger's steps without an outcome as failed, where no other step is unfinished.

    A step whose outcome says that it was interrupted stays so: its run was cancelled.

    Raises:
        StoreError: an outcome can't be recorded.
    """
    steps = [plan.step(name) for name in unfinished(store, plan, run)]
    if all(step.rival_of for step in steps):
        for job in (job for step in steps for job in _unrecorded(store, plan, run, step)):
            outcome = idle(job)
            if outcome is None:
                refuse(job, "it has recorded no outcome: it was killed, or never started")
            else:
                record(job, outcome)


def _unrecorded(store: Store, plan: Plan, run: Run, step: PlanStep) -> Iterator[Job]:
    """Return the jobs of a step that have no outcome."""
    indexes: Iterable[int | None] = [None]
    if step.foreach:
        indexes = range(len(Reader(store, plan, run).keys(step)))
    for index in indexes:
        if recorded(store, run, step.name, index) is None:
            yield Job(store=store, plan=plan, run=run, step=step, folder=Path(), index=index)
