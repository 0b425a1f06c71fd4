"""Making deployments so: preview, deploy, roll back. What is right already stays untouched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas.runner.git import commit_of
from atlas.store import open_place, open_store
from atlas_cli.deploying import records, world
from atlas_cli.deploying.changes import SAME, member_changes
from atlas_cli.deploying.material import Part, material_of, write
from atlas_cli.deploying.records import Record
from atlas_cli.deploying.services import services_of
from atlas_cli.imaging import require_images

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.plan import Plan
    from atlas_cli.deploying.changes import MemberChange
    from atlas_cli.deploying.deployment import Deployment
    from atlas_cli.deploying.material import Material
    from atlas_cli.deploying.services import Services
    from atlas_cli.deploying.world import Say


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation did, or would do.

    Attributes:
        stack: the deployment's stack.
        changes: what becomes of each member.
        held: DAGs that an operator has paused, and that stay so.
        material: what it is made from; None where that comes from a record.
        number: the entry in the stack's history, 0 when nothing is new.
    """

    stack: str
    changes: Sequence[MemberChange]
    held: Sequence[str] = ()
    material: Material | None = None
    number: int = 0

    @property
    def changed(self) -> list[MemberChange]:
        """The members that aren't as they were."""
        return [change for change in self.changes if change.action != SAME]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a stack should be.

    Attributes:
        services: the platform.
        parts: the resources.
        plans: Plans that may not be in the store yet.
    """

    services: Services
    parts: Sequence[Part]
    plans: Mapping[str, Plan] = field(default_factory=dict)

    def plan(self, digest: str) -> Plan:
        """Return the Plan of a digest.

        Raises:
            StoreError: it isn't known.
        """
        if digest in self.plans:
            return self.plans[digest]
        return open_store(self.services.store).plan(digest)


def preview(deployment: Deployment) -> Done:
    """Say what `deploy` would do; nothing is written.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing or down.
    """
    material, wanted = _prepared(deployment)
    before = world.live_inputs(world.resources(deployment))
    return Done(deployment.stack, _changes(before, wanted), (), material)


def deploy(deployment: Deployment, say: Say) -> Done:
    """Make a deployment so: drift is repaired, what is right stays untouched.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing or down.
        DeployError: an image is gone from the registry, or the update failed; what was done of it
            is kept, and a repeat goes on.
    """
    material, wanted = _prepared(deployment)
    require_images(deployment.pipelines)
    write(material)
    changes = _apply(deployment, wanted, say)
    commit = commit_of(deployment.pipelines[0].folder)
    entry = _recorded(deployment, wanted, records.DEPLOY, commit=commit)
    return Done(deployment.stack, changes, _held(deployment), material, entry)


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
    services = services_of(deployment)
    place = open_place(services.store)
    entry = _entry(deployment.stack, records.history(place, deployment.stack), to)
    parts = [
        Part(one.kind, one.name, {**one.inputs, **world.addresses(one.kind, services)})
        for one in records.read(place, entry).parts
    ]
    world.require(services, [part.kind for part in parts])
    wanted = _Wanted(services, parts)
    changes = _apply(deployment, wanted, say)
    number = _recorded(deployment, wanted, records.ROLLBACK, commit=entry.commit, to=entry.number)
    return Done(deployment.stack, changes, _held(deployment), None, number), entry


def _prepared(deployment: Deployment) -> tuple[Material, _Wanted]:
    """Compile a deployment, and find out whether its platform is there."""
    services = services_of(deployment)
    material = material_of(deployment, services)
    world.require(services, [part.kind for part in material.parts])
    return material, _Wanted(services, material.parts, material.plans)


def _apply(deployment: Deployment, wanted: _Wanted, say: Say) -> list[MemberChange]:
    """Update the stack, unless everything is as it should be; return what changed."""
    found = world.resources(deployment)
    before = world.live_inputs(found)
    inputs = {part.name: part.inputs for part in wanted.parts}
    if before != inputs or {one.name: one.inputs for one in found} != inputs:
        world.open_stack(deployment, wanted.parts, say).up()
    return _changes(before, wanted)


def _recorded(
    deployment: Deployment, wanted: _Wanted, action: str, *, commit: str, to: int = 0
) -> int:
    """Add an entry to the stack's history, where something is new; return its number."""
    entry = records.add(
        open_place(wanted.services.store),
        deployment.stack,
        action,
        Record.of(wanted.parts),
        commit=commit,
        champions=_champions(wanted),
        to=to,
    )
    return entry.number if entry else 0


def _champions(wanted: _Wanted) -> dict[str, str]:
    """Return which version each model's alias points at now."""
    from atlas.tracking import CHAMPION
    from atlas_provider.models import registered

    models = [part.inputs for part in wanted.parts if part.kind == "RegisteredModels"]
    found = [registered(inputs["mlflow"], inputs["members"]) for inputs in models]
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
        raise DeployError(f"{stack}: {what}; `atlas history` lists them: {numbers}")
    return fits[-1]


def _held(deployment: Deployment) -> list[str]:
    """Return the DAGs that an operator has paused."""
    found = world.resources(deployment)
    return [name for resource in found for name in resource.state.get("held", ())]


def _changes(before: Mapping[str, Mapping[str, Any]], wanted: _Wanted) -> list[MemberChange]:
    """Compare what is there with what should be, member by member."""
    parts = {part.name: part for part in wanted.parts}
    changes: list[MemberChange] = []
    for name in dict.fromkeys((*parts, *before)):
        inputs = parts[name].inputs if name in parts else {}
        changes += member_changes(name, before.get(name, {}), inputs, wanted.plan)
    return changes
