"""Running Plans on an orchestrator: the small protocol that every target's runner satisfies.

A launcher speaks to one orchestrator, and tells only what that alone knows: whether it has a run,
how far it is, why a task never began. What came of a step `atlas.step` has recorded in the store;
whoever follows a run (`atlas.launch`) reads it there, and the step's log, the same way for every
target.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.store import Run

WAITING = "waiting"
"""Not begun: queued, or waiting for what is before it."""
RUNNING = "running"
RETRYING = "retrying"
"""An attempt has failed, and another will be made. Of a task only."""
DONE = "done"
"""Over, and as far as the orchestrator knows, well."""
FAILED = "failed"
"""Over, and not well; no further attempt will be made."""
SKIPPED = "skipped"
"""Won't run. Of a task only."""
CANCELLED = "cancelled"
"""Ended by somebody's wish. Of a run only; an orchestrator that can't tell says failed."""
OVER = (DONE, FAILED, CANCELLED)
"""States of a run that has come to its end."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A run as the orchestrator knows it.

    Attributes:
        id: what the orchestrator calls it; not always the Run's own id.
        name: of what it is a run: the DAG, the Kubeflow pipeline.
        url: page where a person sees it; empty where there is none.
        is_new: whether `submit` has just started it; of one that was found, False.
    """

    id: str
    name: str
    url: str = ""
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """How the orchestrator's task for a step stands, or its task for one key of a step.

    Attributes:
        step: the step's full name.
        state: one of this module's constants.
        index: which key, for a step that runs once per key; None where one task runs them all.
        reason: why it failed or can't begin, where the orchestrator says: such as an image that
            can't be pulled; with the way out if one is known.
    """

    step: str
    state: str
    index: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands.

    Attributes:
        state: one of this module's constants.
        tasks: those that the orchestrator tells of, in any order; a step may be missing.
        reason: why it failed, waits or was cancelled, where that is no task's matter.
    """

    state: str
    tasks: Sequence[Task] = field(default=())
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the orchestrator does nothing more for the run."""
        return self.state in OVER


class Launcher(Protocol):
    """Runs Plans on one orchestrator. Every method may raise PlatformError: it doesn't answer."""

    @property
    def target(self) -> str:
        """The target's name, as Environments write it."""

    def prepare(self, plan: Plan) -> tuple[Plan, Sequence[Problem]]:
        """Refuse what can't be run, before anything is written or started.

        Returns:
            The Plan that will run, which may be another one that is deployed under the name; and
            notes: what this target does differently.

        Raises:
            InvalidError: the target can't do this; it carries every Problem.
            TargetError: what the run takes isn't there: not deployed, held, images missing.
        """

    def find(self, plan: Plan, run: Run) -> Launched | None:
        """Return the run of this Run's id, if the orchestrator has ever been given it."""

    def submit(self, plan: Plan, run: Run) -> Launched:
        """Start a run. Its id, interval and parameters are the Run's; they are bound already.

        Submitting the same Run twice, even at once, starts one: the other is returned.

        Raises:
            TargetError: the orchestrator refuses it.
        """

    def standing(self, launched: Launched) -> Standing:
        """Return how a run stands now; one that is gone from the orchestrator has FAILED."""

    def cancel(self, launched: Launched) -> None:
        """Ask for the end of a run; that it has ended, `standing` tells. Over already is fine."""
