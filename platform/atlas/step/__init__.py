"""Running one step: `python -m atlas.step`, and the function that in-process runs call too.

Called, the package is the decorator that makes a step of a function: ``from atlas import step``.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from atlas.step.binding import RunRequest, bind
from atlas.step.execute import execute, recorded
from atlas.step.inputs import Reader
from atlas.step.job import Job
from atlas.step.outcome import DONE, FAILED, Outcome

if TYPE_CHECKING:
    from atlas.functions import Function

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


class _Decorator(ModuleType):
    """The package, which has the name that users know the decorator by."""

    def __call__(self, function: "Function") -> "Function":
        """Mark a function as a step."""
        from atlas.functions import step

        return step(function)


sys.modules[__name__].__class__ = _Decorator
