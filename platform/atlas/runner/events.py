"""The events of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.step import Outcome

RUN_STARTED = "run-started"
RUN_ENDED = "run-ended"
STEP_STARTED = "step-started"
STEP_DONE = "step-done"
STEP_FAILED = "step-failed"
STEP_RETRIED = "step-retried"
STEP_SKIPPED = "step-skipped"
LOG = "log"
STOPPING = "stopping"
NOTICE = "notice"
"""Something that whoever watches should know, and that isn't about a step: in words."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: one of this module's constants.
        pipeline: the Plan's name.
        flow: ``training`` or ``inference``.
        run: the run's id.
        step: the step's full name, or empty.
        index: which key, for a step that runs once per key.
        outcome: how the step ended, for ``step-done``, ``step-failed`` and ``step-retried``.
        done: how many of the run's units of work are done.
        total: how many there are, as far as is known.
        text: a line of a step's log; why a step was skipped; the run's status; a notice.
    """

    kind: str
    pipeline: str
    flow: str
    run: str
    step: str = ""
    index: int | None = None
    outcome: Outcome | None = None
    done: int = 0
    total: int = 0
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the event as plain data, without what is empty."""
        raw = {
            "event": self.kind, "pipeline": self.pipeline, "flow": self.flow, "run": self.run,
            "step": self.step, "index": self.index, "text": self.text,
            "done": self.done, "total": self.total,
            "outcome": self.outcome.to_json() if self.outcome else None,
        }  # fmt: skip
        return {key: value for key, value in raw.items() if value not in ("", None)}


Listener: TypeAlias = "Callable[[Event], None]"


def ignore(event: Event) -> None:
    """Listen to nothing."""
