"""The words for a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atlas.step.job import Job
    from atlas.step.outcome import Outcome


def explain(job: Job, outcome: Outcome) -> str:
    """Return a failure as the user sees it: one line, and their traceback below."""
    item = "" if job.index is None else f" (key {job.index})"
    line = f"error: step {job.step.name}{item}: {outcome.error}"
    return f"{line}\n{outcome.traceback.rstrip()}" if outcome.traceback else line
