"""Running one step: `python -m atlas.step`, and the function that in-process runs call too."""

from atlas.step.binding import RunRequest, bind
from atlas.step.execute import execute, recorded
from atlas.step.inputs import Reader
from atlas.step.job import Job
from atlas.step.outcome import DONE, FAILED, Outcome

__all__ = [
    "DONE",
    "FAILED",
    "Job",
    "Outcome",
    "Reader",
    "RunRequest",
    "bind",
    "execute",
    "recorded",
]
