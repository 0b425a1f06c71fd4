"""What follows a step: its metrics on their way to Prometheus, and the words for a failure."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from atlas.errors import PlatformError

if TYPE_CHECKING:
    from atlas.step.job import Job
    from atlas.step.outcome import Outcome


def after(job: Job, outcome: Outcome) -> None:
    """Push the metrics of an inference run's step; a Pushgateway that is down is only a warning."""
    url = os.environ.get("ATLAS_PUSHGATEWAY_URL")
    if not url or not outcome.metrics:
        return
    from atlas.tracking.pushgateway import push, pushes

    if not pushes(job.run):
        return
    try:
        push(url, job.run, job.step.name, outcome.metrics)
    except PlatformError as error:
        sys.stderr.write(f"warning: step {job.step.name}: metrics not pushed: {error}\n")


def explain(job: Job, outcome: Outcome) -> str:
    """Return a failure as the user sees it: one line, and their traceback below."""
    item = "" if job.index is None else f" (key {job.index})"
    line = f"error: step {job.step.name}{item}: {outcome.error}"
    return f"{line}\n{outcome.traceback.rstrip()}" if outcome.traceback else line
