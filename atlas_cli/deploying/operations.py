"""Making deployments so: preview, deploy, roll back. What is right already stays untouched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.advice import command
from atlas.errors import DeployError
from atlas.git import commit_of
from atlas.store import open_place
from atlas_cli.deploying import basis, flight, ownership, records, saved, turns, world
from atlas_cli.deploying.changes import SAME
from atlas_cli.deploying.material import Part, write
from atlas_cli.deploying.outlook import outlook, seen
from atlas_cli.deploying.records import Record
from atlas_cli.deploying.services import services_of
from atlas_cli.imaging import require_images

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas_cli.deploying.changes import MemberChange
    from atlas_cli.deploying.deployment import Deployment
    from atlas_cli.deploying.material import Material
    from atlas_cli.deploying.outlook import Outlook
    from atlas_cli.deploying.world import Say


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


def preview(deployments: Sequence[Deployment]) -> tuple[list[Done], Mapping[str, saved.Sight]]:
    """Say what `deploy` would do; nothing is written.

    Returns:
        What would be done, and all that it follows from, for a plan file.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing, older than this Atlas, or down.
        DeployError: the state of a stack can't be read.
    """
    same, seen_ = _look(deployments)
    return _told(deployments, same, [_previewed(one) for one in seen_]), saved.sights(seen_, same)


def deploy(
    deployments: Sequence[Deployment],
    say: Say,
    how: How = How(),
    plan: Mapping[str, saved.Sight] | None = None,
) -> list[Done]:
    """Make deployments so: drift is repaired, what is right stays untouched.

    Args:
        deployments: what to deploy; of many, only those that change are opened.
        say: takes a line of progress.
        how: what else is to be done.
        plan: what a preview saw, where nothing else may be done.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing, older than this Atlas, or down.
        DeployError: the world isn't that of the plan; an image is gone from the registry; or an
            update failed; what was done of it is kept, and a repeat goes on.
    """
    turns_ = {each.stack: turns.number_of(each) for each in deployments}
    same, seen_ = _look(deployments)
    if plan is not None:
        saved.require_same(plan, saved.sights(seen_, same))
    done = [_in_turn(one, say, how, turns_[one.deployment.stack], plan) for one in seen_]
    return _told(deployments, same, done)


def rollback(deployment: Deployment, say: Say, *, to: int = 0) -> tuple[Done, records.Entry]:
    """Make a deployment what an entry of its history was.

    Args:
        deployment: whose stack.
        say: takes a line of progress.
        to: number of the entry; 0 for the last one that was something else.

    Returns:
        What it did, and the entry.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: there is no such entry, or the update failed.
        StoreError: what was deployed then isn't in the store any more.
    """
    with turns.turn(deployment, say, 0):
        return _rolled_back(deployment, say, to)


def _rolled_back(deployment: Deployment, say: Say, to: int) -> tuple[Done, records.Entry]:
    services = services_of(deployment)
    place = open_place(services.store)
    entry = _entry(deployment.stack, records.history(place, deployment.stack), to)
    parts = [
        Part(one.kind, one.name, {**one.inputs, **world.addresses(one.kind, services)})
        for one in records.read(place, entry).parts
    ]
    found = seen(deployment, services, parts)
    flying = flight.under_way(found)
    _apply(found, say)
    number = _recorded(found, records.ROLLBACK, commit=entry.commit, to=entry.number)
    return Done(
        deployment.stack, found.changes, held=found.held, number=number, flying=flying
    ), entry


def _look(deployments: Sequence[Deployment]) -> tuple[dict[str, str], list[Outlook]]:
    """Return the bases of those that are as they should be, and an outlook of each other."""
    same = basis.unchanged(deployments)
    return same, [outlook(each) for each in deployments if each.stack not in same]


def _told(
    deployments: Sequence[Deployment], same: Mapping[str, str], done: Sequence[Done]
) -> list[Done]:
    """Return what was done of each deployment, in their order."""
    found = {one.stack: one for one in done}
    left = {stack: Done(stack, opened=False) for stack in same}
    return [(found | left)[each.stack] for each in deployments]


def _previewed(found: Outlook) -> Done:
    """Return what a deployment would do."""
    flying = flight.under_way(found)
    return _done(found, flying, 0)


def _in_turn(
    found: Outlook, say: Say, how: How, seen_: int, plan: Mapping[str, saved.Sight] | None
) -> Done:
    """Make one deployment so while nobody else changes it; look again where somebody has."""
    deployment = found.deployment
    with turns.turn(deployment, say, seen_) as is_as_seen:
        if not is_as_seen:
            found = outlook(deployment)
            if plan is not None:
                stack = deployment.stack
                saved.require_same({stack: plan[stack]}, saved.sights([found], {}))
        return _deployed(found, say, how)


def _deployed(found: Outlook, say: Say, how: How) -> Done:
    """Make one deployment so."""
    deployment = found.deployment
    require_images(deployment.pipelines)
    if found.material:
        write(found.material)
    flying = flight.drained(found, say) if how.wait else flight.under_way(found)
    _apply(found, say)
    commit = commit_of(deployment.pipelines[0].folder)
    number = _recorded(found, records.DEPLOY, commit=commit)
    basis.remember(deployment, found.services)
    if how.unpause:
        flight.unpause(found)
    return _done(found, flying, number, is_unpaused=how.unpause)


def _done(
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


def _apply(found: Outlook, say: Say) -> None:
    """Update the stack, unless everything is as it should be."""
    if not found.is_right:
        world.require_running(found.deployment, found.parts)
        ownership.take(found.deployment, found.services, found.parts)
        basis.forget(found.deployment, found.services)
        world.open_stack(found.deployment, found.parts, say).up()


def _recorded(found: Outlook, action: str, *, commit: str, to: int = 0) -> int:
    """Add an entry to the stack's history, where something is new; return its number."""
    entry = records.add(
        open_place(found.services.store),
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


def _entry(stack: str, entries: Sequence[records.Entry], to: int) -> records.Entry:
    """Return the entry to roll back to.

    Raises:
        DeployError: there is none.
    """
    deployed = [entry for entry in entries if entry.record]
    now = entries[-1].record if entries else ""
    fits = [one for one in deployed if one.number == to or (not to and one.record != now)]
    if not fits:
        numbers = ", ".join(str(entry.number) for entry in deployed) or "none"
        what = f"no deployment {to}" if to else "nothing else was deployed before"
        raise DeployError(f"{stack}: {what}; {command('history')} lists them: {numbers}")
    return fits[-1]
