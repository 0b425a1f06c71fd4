"""What earlier runs have done: where a partial run takes the results of the other steps from."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.runner.units import Unit
from atlas.step import Outcome, recorded
from atlas.step.execute import earlier_result, reuse
from atlas.step.outcome import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.plan import PlanStep
    from atlas.step import Job
    from atlas.store import Run, Store

_LOOKED_AT = 50
"""How many runs are looked at, the newest first."""


def done_in(store: Store, pipeline: str, run: str, unit: Unit) -> Outcome | None:
    """Return what a unit has come to in a run, unless it failed or wasn't run."""
    raw = store.outcome(pipeline, run, unit.step, unit.item) if run else None
    return Outcome.from_json(raw) if raw and raw.get("status") != FAILED else None


def done_before(job: Job) -> Outcome | None:
    """Return what a unit of a resumed run has already come to, if all that it made is there.

    A search goes by what its units are made of instead: its failed trials are tried once more.
    """
    if job.step.search:
        return None
    outcome = recorded(job.store, job.run, job.step.name, job.index)
    if outcome is None or not outcome.ok:
        return None
    return outcome if earlier_result(job, job.run.id, outcome) is not None else None


def taken_from(source: str, job: Job) -> Outcome:
    """Give a unit the results that it has in an earlier run.

    Raises:
        AtlasError: that run doesn't have them.
    """
    earlier = done_in(job.store, job.run.pipeline, source, Unit(job.step.name, job.index))
    outcome = reuse(job, source, earlier) if earlier else None
    if outcome is None:
        raise AtlasError("isn't done in the last run; run it too, without --from and --only")
    return outcome


def source_of(store: Store, run: Run, last: str, steps: Sequence[PlanStep]) -> str:
    """Return the newest run that has done some steps, all of them: results of one run fit together.

    Args:
        store: the artifact store.
        run: the run that wants them.
        last: the run before it, or empty.
        steps: the steps; of one with a foreach, its first key stands for all.

    Returns:
        The run's id; that of the last run where none has done all of them.
    """
    units = [Unit(step.name, None if step.foreach is None else 0) for step in steps]
    for name in (last, *islice(_earlier(store, run), _LOOKED_AT)):
        if all(done_in(store, run.pipeline, name, unit) for unit in units):
            return name
    return last


def _earlier(store: Store, run: Run) -> Iterator[str]:
    """Give the other runs of a flow, the newest first, as far as their ids tell."""
    names = (run_id for run_id in reversed(store.runs(run.pipeline)) if run_id != run.id)
    return (name for name in names if name.startswith(f"{run.flow}-"))
