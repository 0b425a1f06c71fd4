"""Running Plans on an orchestrator: the small protocol that every target's runner satisfies.

A launcher speaks to one orchestrator, and reports only what that alone knows: whether it has a run,
how far it is, why a task never began. The outcome of a step is in the store, where `atlas.step` has
recorded it: `atlas.launch`, which follows a run, reads it there, and the step's log, the same way
for every target.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.errors import Problem
    from atlas.plan import Pipeline, Plan
    from atlas.store import Run, Store
    from atlas.targets.protocol import Origin

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
"""Ended on request. Of a run only; an orchestrator that can't tell says failed."""
OVER = (DONE, FAILED, CANCELLED)
"""States of a run that has come to its end."""


@dataclass(frozen=True, slots=True)
class LaunchedRun:
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
class TaskStatus:
    """The state of the orchestrator's task for a step, or of its task for one key of a step.

    Attributes:
        step: the step's full name.
        state: one of this module's constants.
        index: which key, for a step that runs once per key; None where one task runs them all.
        reason: why it failed or can't begin, where the orchestrator or its cluster says: such as
            an image that can't be pulled; with the way out if one is known.
    """

    step: str
    state: str
    index: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The state of a run.

    Attributes:
        state: one of this module's constants.
        tasks: those that the orchestrator reports, in any order; a step may be missing.
        reason: why it failed, waits or was cancelled, where no task says that.
    """

    state: str
    tasks: Sequence[TaskStatus] = field(default=())
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
            warnings: what this target does differently.

        Raises:
            InvalidError: the target can't do this; it carries every Problem.
            TargetError: what the run takes isn't there: not deployed, paused, images missing.
        """

    def find(self, plan: Plan, run: Run) -> LaunchedRun | None:
        """Return the run of this Run's id, if the orchestrator has ever been given it."""

    def submit(self, plan: Plan, run: Run) -> LaunchedRun:
        """Start a run. Its id, interval and parameters are the Run's; they are bound already.

        Submitting the same Run twice, even at once, starts one: the other is returned.

        Raises:
            TargetError: the orchestrator refuses it.
        """

    def status(self, launched: LaunchedRun) -> RunStatus:
        """Return the state of a run; one that is gone from the orchestrator has FAILED."""

    def log(self, launched: LaunchedRun, step: str, index: int | None, *, is_over: bool) -> str:
        """Return what the orchestrator or its cluster has of a task's log; empty for nothing.

        It is asked of a task that has no log in the store: it hasn't got that far, or died before.

        Args:
            launched: the run.
            step: the step's full name.
            index: which key; None for a step without.
            is_over: whether the task has come to its end, which is then the last line.
        """

    def cancel(self, launched: LaunchedRun) -> None:
        """Ask for the end of a run; `status` reports that it has ended. Over already is fine."""


@dataclass(frozen=True, slots=True)
class DeployedMember:
    """What the last deployment has put under a Plan's name.

    Attributes:
        plan: digest of the Plan.
        content: digest of the compiled file.
    """

    plan: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSite:
    """What a launcher is made for: pipelines of one Environment, on its platform.

    Attributes:
        pipelines: what is to run.
        services: the platform's, as its outputs have them; none where it isn't up.
        store: the artifact store.
        deployed: whether to run what is deployed, whatever the sources have become since.
        published: whether to run a Plan as it was published before, whatever is deployed by now;
            a target that has one Plan under a name runs what is deployed.
        images: returns the references of a Plan's images: name → reference.
        local_images: returns what this machine's container engine calls a Plan's images, once it
            has built those that aren't there.
        require_images: refuses images that were pushed and are gone from the registry.
        origin_of: returns what a Plan is of.
        deployed_of: returns what is deployed under a Plan's name as a resource of a kind, such as
            ``KubeflowPipelines``; None for nothing.
    """

    pipelines: Sequence[Pipeline]
    services: Mapping[str, Mapping[str, Any]]
    store: Store
    deployed: bool
    images: Callable[[Plan], Mapping[str, str]]
    local_images: Callable[[Plan], Mapping[str, str]]
    require_images: Callable[[], None]
    origin_of: Callable[[Plan], Origin]
    deployed_of: Callable[[Plan, str], DeployedMember | None]
    published: bool = False
