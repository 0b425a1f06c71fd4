"""Making one deployment so, once it was looked at."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.git import commit_of
from atlas.store import open_location
from atlas_deploy.apply import locks, runs
from atlas_deploy.desired.bundle import write
from atlas_deploy.desired.images import require_images
from atlas_deploy.diff import plan_file
from atlas_deploy.diff.deployment import outlook
from atlas_deploy.diff.members import SAME
from atlas_deploy.history import fingerprints, ownership, records
from atlas_deploy.history.records import Record
from atlas_deploy.live import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas_deploy.desired.bundle import Material, Part
    from atlas_deploy.diff.deployment import Outlook
    from atlas_deploy.diff.members import MemberChange
    from atlas_deploy.live.snapshot import Say


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation did, or would do.

    Attributes:
        stack: the deployment's stack.
        changes: what becomes of each member.
        pipelines: how many pipelines the Config stands for; 0 where that isn't known.
        held: DAGs that an operator has paused, and that stay so.
        unpaused: DAGs that an operator had paused, and that run again.
        flying: runs that are under way of DAGs that change.
        material: what it is made from; None where that comes from a record.
        number: the entry in the stack's history, 0 when nothing is new.
        pages: address of the page of each DAG and model, by its name.
        opened: False where nothing it follows from had changed, so that it was left alone.
        error: why it failed; what was done of it is kept, and a repeat goes on.
    """

    stack: str
    changes: Sequence[MemberChange] = ()
    pipelines: int = 0
    held: Sequence[str] = ()
    unpaused: Sequence[str] = ()
    flying: Mapping[str, Sequence[str]] = field(default_factory=dict)
    material: Material | None = None
    number: int = 0
    pages: Mapping[str, str] = field(default_factory=dict)
    opened: bool = True
    error: str = ""

    @property
    def changed(self) -> list[MemberChange]:
        """The members that aren't as they were."""
        return [change for change in self.changes if change.action != SAME]


@dataclass(frozen=True, slots=True)
class How:
    """How to deploy.

    Attributes:
        unpause: whether DAGs that an operator has paused are to run again.
        wait: whether runs under way of DAGs that change end first.
    """

    unpause: bool = False
    wait: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of several deployments.

    Attributes:
        how: how to deploy.
        turns: how often each stack's lock was taken before it was looked at.
        plan: what a preview saw, where nothing else may be done.
    """

    how: How
    turns: Mapping[str, int]
    plan: Mapping[str, plan_file.Sight] | None = None


@contextmanager
def in_turn(found: Outlook, say: Say, wanted: Wanted) -> Iterator[Outlook]:
    """Hold a deployment's lock; look again where somebody has changed it since it was looked at."""
    deployment = found.deployment
    stack = deployment.stack
    with locks.turn(deployment, say, wanted.turns[stack]) as is_as_seen:
        if is_as_seen:
            yield found
            return
        found = outlook(deployment)
        if wanted.plan is not None:
            plan_file.require_same({stack: wanted.plan[stack]}, plan_file.sights([found], {}))
        yield found


def prepared(found: Outlook, say: Say, how: How) -> Mapping[str, Sequence[str]]:
    """Have in the store what a deployment is made of; return the runs under way."""
    require_images(found.deployment.pipelines)
    if found.material:
        write(found.material)
    return runs.drained(found, say) if how.wait else runs.under_way(found)


def settled(
    found: Outlook,
    flying: Mapping[str, Sequence[str]],
    say: Say,
    how: How,
    provider: int = 0,
) -> Done:
    """Update a deployment's stack, and record that."""
    deployment = found.deployment
    apply(found, say, provider)
    commit = commit_of(deployment.pipelines[0].folder)
    number = recorded(found, records.DEPLOY, commit=commit)
    fingerprints.remember(deployment, found.services)
    if how.unpause:
        runs.unpause(found)
    return done_of(found, flying, number, is_unpaused=how.unpause)


def done_of(
    found: Outlook, flying: Mapping[str, Sequence[str]], number: int, *, is_unpaused: bool = False
) -> Done:
    """Return what was, or would be, done of a deployment."""
    return Done(
        stack=found.deployment.stack,
        changes=found.changes,
        pipelines=len(found.deployment.pipelines),
        held=() if is_unpaused else found.held,
        unpaused=found.held if is_unpaused else (),
        flying=flying,
        material=found.material,
        number=number,
        pages=_pages(found.parts),
    )


def _pages(parts: Sequence[Part]) -> dict[str, str]:
    """Return the address of the page of each DAG and registered model."""
    found: dict[str, str] = {}
    for part in parts:
        if part.kind == "AirflowDags":
            found |= {n: f"{part.inputs['airflow']}/dags/{n}" for n in part.inputs["members"]}
        if part.kind == "RegisteredModels":
            found |= {
                f"model {n}": f"{part.inputs['mlflow']}/#/models/{quote(n, safe='')}"
                for n in part.inputs["members"]
            }
    return found


def apply(found: Outlook, say: Say, provider: int = 0) -> None:
    """Update the stack, unless everything is as it should be."""
    if not found.is_right:
        take(found)
        stack = snapshot.open_stack(found.deployment, found.parts, say, provider)
        stack.up(refresh=found.has_drifted)


def take(found: Outlook) -> None:
    """Take a deployment's names, before anything of it is made."""
    snapshot.require_running(found.deployment, found.parts)
    ownership.take(found.deployment, found.services, found.parts)
    fingerprints.forget(found.deployment, found.services)


def recorded(found: Outlook, action: str, *, commit: str, to: int = 0) -> int:
    """Add an entry to the stack's history, where something is new; return its number."""
    entry = records.add(
        open_location(found.services.store),
        found.deployment.stack,
        action,
        Record.of(found.parts),
        commit=commit,
        champions=_champions(found.parts),
        to=to,
    )
    return entry.number if entry else 0


def _champions(parts: Sequence[Part]) -> dict[str, str]:
    """Return which version each model's alias points at now."""
    from atlas.tracking.registry import CHAMPION
    from atlas_provider.models import mlflow_of, registered

    models = [part.inputs for part in parts if part.kind == "RegisteredModels"]
    found: list[dict[str, Any]] = [registered(mlflow_of(one), one["members"]) for one in models]
    return {
        name: model.aliases[CHAMPION]
        for each in found
        for name, model in sorted(each.items())
        if CHAMPION in model.aliases
    }
