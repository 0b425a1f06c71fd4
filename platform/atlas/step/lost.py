"""A job whose process has ended before it could record anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from atlas.search.history import FAILED
from atlas.search.part import KEY, RESULT
from atlas.step.execute import record, refuse
from atlas.step.inputs import Reader
from atlas.step.outcome import DONE, Outcome
from atlas.step.searching import FAILED_TRIAL

if TYPE_CHECKING:
    from atlas.step.job import Job


def lost(job: Job, message: str, seconds: float = 0.0) -> Outcome:
    """Record that a job's process was killed, took too long, or ended by itself.

    The job has failed. The last attempt of a trial, where the search says how many may fail, is a
    trial that failed, and the search goes on.

    Args:
        job: the job.
        message: what went wrong.
        seconds: how long it had been running.

    Raises:
        StoreError: that can't be recorded.
    """
    part = job.step.search
    if part is None or not part.outlives_trials or job.attempt <= job.step.retries.limit:
        return refuse(job, message, seconds)
    ended = datetime.now(UTC)
    started = ended - timedelta(seconds=seconds)
    times = [moment.isoformat(timespec="milliseconds") for moment in (started, ended)]
    facts: dict[str, Any] = {
        "started": times[0], "ended": times[1], "seconds": round(seconds, 6),
    }  # fmt: skip
    result = {
        "state": FAILED, "value": None, "metrics": {}, "error": job.mask.text(message),
        "params": _params(job), "reports": [], **facts,
    }  # fmt: skip
    values: dict[str, Any] = {**dict.fromkeys(job.step.outputs), RESULT: result}
    put, origin = job.store.put, job.origin_of()
    digests = {
        name: put(*job.address, name, value, index=job.index, origin=origin).sha256
        for name, value in values.items()
    }
    facts |= {"attempts": job.attempt, "reason": FAILED_TRIAL}
    outcome = Outcome(DONE, job.plan.digest, outputs=digests, **facts)
    job.logger.warning("the trial failed: %s", result["error"])
    return record(job, outcome)


def _params(job: Job) -> Any:
    """Return the params that the trial was to try."""
    assert job.step.foreach is not None  # noqa: S101 - a trial has one
    key = Reader(job.store, job.plan, job.run, job.index).key(job.step)
    return job.step.foreach.of(key)[KEY]["params"]
