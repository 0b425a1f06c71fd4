"""What is asked of a deployment, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from atlas_deploy.diff.members import SAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas_deploy.desired.bundle import Bundle
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.diff.deployment import DeploymentDiff
    from atlas_deploy.diff.members import MemberChange
    from atlas_deploy.diff.plan_file import PlannedStack

Say: TypeAlias = "Callable[[str], None]"
"""Takes a line of progress."""
Runs: TypeAlias = "Mapping[str, Sequence[str]]"
"""Ids of the runs under way, by DAG."""


@dataclass(frozen=True, slots=True)
class DeployResult:
    """What an operation did to a deployment, or would do.

    Attributes:
        stack: the deployment's stack.
        changes: what becomes of each member.
        pipelines: how many pipelines the Config stands for; 0 where that isn't known.
        paused: members that an operator has paused, and that stay so.
        unpaused: members that an operator had paused, and that run again.
        under_way: runs under way of DAGs that change.
        bundle: what was deployed, compiled; None where it comes from a record.
        number: the entry in the stack's history, 0 when nothing is new.
        pages: address of the page of each DAG and model, by its name.
        opened: False where its fingerprint was unchanged, so that it was left alone.
        error: why it failed; what was done of it is kept, and a repeat goes on.
        release: the release that was deployed; empty for none.
    """

    stack: str
    changes: Sequence[MemberChange] = ()
    pipelines: int = 0
    paused: Sequence[str] = ()
    unpaused: Sequence[str] = ()
    under_way: Runs = field(default_factory=dict)
    bundle: Bundle | None = None
    number: int = 0
    pages: Mapping[str, str] = field(default_factory=dict)
    opened: bool = True
    error: str = ""
    release: str = ""

    @property
    def changed(self) -> list[MemberChange]:
        """The members that aren't as they were."""
        return [change for change in self.changes if change.action != SAME]

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        bundle = self.bundle
        return {
            "stack": self.stack,
            "number": self.number,
            "release": self.release,
            "changes": [change.to_json() for change in self.changes],
            "paused": list(self.paused),
            "unpaused": list(self.unpaused),
            "under_way": {name: list(runs) for name, runs in self.under_way.items()},
            "opened": self.opened,
            "error": self.error,
            "skipped": list(bundle.skipped) if bundle else [],
            "unbuilt": list(bundle.unbuilt) if bundle else [],
            "warnings": [str(warning) for warning in bundle.warnings] if bundle else [],
        }


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """How to deploy.

    Attributes:
        unpause: whether DAGs that an operator has paused are to run again.
        wait: whether runs under way of DAGs that change end first.
        is_rollback: whether the history is to say that it goes back to a release.
    """

    unpause: bool = False
    wait: bool = False
    is_rollback: bool = False


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What is asked of several deployments.

    Attributes:
        options: how to deploy.
        locks: how often each stack's lock was taken before the stack was read.
        compare: reads and compares one deployment again.
        plan: what a preview saw, where nothing else may be done.
    """

    options: DeployOptions
    locks: Mapping[str, int]
    compare: Callable[[Deployment], DeploymentDiff]
    plan: Mapping[str, PlannedStack] | None = None
