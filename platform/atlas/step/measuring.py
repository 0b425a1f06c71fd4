"""What a step has measured of batches, on its way to the records that outlive its run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.config import BATCH_METRICS
from atlas.errors import StepError
from atlas.models.measurements import BatchMeasurement, record_measurements
from atlas.step.history import NOT_COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.step.job import Job
    from atlas.step.outcome import Outcome


def keep_measurements(job: Job, outcome: Outcome) -> None:
    """Record what a step gives as ``batch_metrics``, also where it took an earlier result.

    Called before the step's end is recorded: a step that is done has left its records.

    Raises:
        StepError: the output isn't a list of records.
        StoreError: they can't be written.
    """
    if not outcome.ok or BATCH_METRICS not in outcome.outputs or job.run.trigger in NOT_COUNTED:
        return
    content = job.store.get(*job.address, BATCH_METRICS, index=job.index)
    record_measurements(job.store, _records(job, content))


def _records(job: Job, content: Any) -> Iterator[BatchMeasurement]:
    if not isinstance(content, list):
        found = f"output '{BATCH_METRICS}': found a {type(content).__name__}"
        raise StepError(job.step.name, f"{found}, expected a list of the records of batches")
    measurer: dict[str, Any] = {
        "as_of": job.run.interval_end or job.run.created,
        "measured_by": f"{job.run.pipeline}/{job.run.id}",
        "step": job.step.name,
    }
    for raw in content:
        try:
            yield replace(BatchMeasurement.from_json(raw), **measurer)
        except ValueError as error:
            raise StepError(job.step.name, f"output '{BATCH_METRICS}': {error}") from None
