"""Which project has the names that a deployment shares with everybody on its platform.

A stack's name is one project's from its first deployment until it is purged: when it is destroyed,
its history, runs, artifacts and models stay. With the stack go all names that its resources own by
its name (DAGs and their files, Kubeflow pipelines and their recurring runs), and what is kept under
its pipelines' names (runs and artifacts in the store, labels of metrics). Registered models and
experiments have names of their own.

Where stacks of several projects are kept in one backend, the stack says itself whose it is, as its
output `project`.

A deployment by an older Atlas has recorded no project. The project whose backend has its stack
takes it over, and no other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.kinds import ownership
from atlas.store import open_location
from atlas_deploy.history import copies, owner_files, records
from atlas_deploy.history.owner_files import Owner
from atlas_deploy.platforms.deployed_kinds import MODELS
from atlas_provider.kinds import kind_of_target
from atlas_provider.models import require_free as require_free_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from atlas.store import Location
    from atlas_deploy.desired.bundle import Part
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.state import Resource, StackState
    from atlas_deploy.platforms.services import Services

OUTPUT = "project"
"""The output of a stack that says whose it is."""


def require_own(
    deployment: Deployment, services: Services, state: StackState, parts: Sequence[Part] = ()
) -> None:
    """Refuse a deployment of which another project has a name; nothing is taken.

    Args:
        deployment: the deployment.
        services: its platform.
        state: the state of its stack.
        parts: the resources that should be; none to ask for the stack alone.

    Raises:
        DeployError: D017, another project has the stack, or a model, experiment, DAG or pipeline of
            one of the names; D018, the project is a copy of one that is deployed.
    """
    place, project = open_location(services.store), deployment.identity
    copies.require_original(place, deployment)
    _require_stack(place, deployment.stack, project, state)
    _require_names(place, deployment, parts, project)
    _require_pipelines(place, deployment, parts, project)


def require_names(
    deployment: Deployment, services: Services, state: StackState, parts: Sequence[Part]
) -> None:
    """Refuse a deployment of which anybody else has a name; nothing is taken.

    Args:
        deployment: the deployment.
        services: its platform.
        state: the state of its stack.
        parts: the resources that should be.

    Raises:
        DeployError: another project (D017, D018) or stack (D016) has a name, or MLflow has a model
            of one that Atlas didn't make (D019).
        PlatformError: MLflow doesn't answer.
    """
    require_own(deployment, services, state, parts)
    _require_free(services.store, parts, state.resources)


def _require_free(store: str, parts: Sequence[Part], resources: Sequence[Resource]) -> None:
    """Refuse names that are to be deployed and that others have, before anything is made.

    Args:
        store: URL of the store.
        parts: the resources that should be.
        resources: those that the stack has: what is a member of one is its own.

    Raises:
        DeployError: D016, another stack has one of them; D019, MLflow has a model of one of the
            names that Atlas didn't make.
        PlatformError: MLflow doesn't answer.
    """
    known = {resource.name: resource.inputs["members"] for resource in resources}
    for part in parts:
        given, kind = part.inputs, kind_of_target(part.kind)
        fresh = given.get("members", {}).keys() - known.get(part.name, {}).keys()
        if kind is not None:
            ownership.require_free(store, kind.owned_as, fresh, given["owner"])
        elif part.kind == MODELS:
            require_free_models(given, fresh)


def _require_names(
    place: Location, deployment: Deployment, parts: Sequence[Part], project: str
) -> None:
    """Refuse models and experiments that another project has.

    Raises:
        DeployError: D017, one has.
    """
    for kind, names in _named(deployment, parts).items():
        there = {*place.names(f"{ownership.FOLDER}/{kind}")} if len(names) > 1 else {*names}
        for name in sorted(there.intersection(names)):
            owner = owner_files.read(place, kind, name)
            if owner and owner.project != project:
                raise owner_files.taken(kind, name, owner, project)


def take(deployment: Deployment, services: Services, parts: Sequence[Part]) -> None:
    """Take the names of a deployment for its project, before anything is made: all, or none.

    Raises:
        DeployError: D017, another project has one; or has just taken it.
    """
    place, project = open_location(services.store), deployment.identity
    copies.require_original(place, deployment)
    _require_stack(place, deployment.stack, project, None)
    _require_names(place, deployment, parts, project)
    _require_pipelines(place, deployment, parts, project)
    owner = Owner(project, deployment.stack)
    text = json.dumps({"project": owner.project, "stack": owner.stack}, sort_keys=True).encode()
    named = {owner_files.STACKS: [deployment.stack], **_named(deployment, parts)}
    taken: list[str] = []
    for kind, name in ((kind, name) for kind, names in named.items() for name in names):
        if place.create(owner_files.key_of(kind, name), text):
            taken.append(owner_files.key_of(kind, name))
            continue
        holder = owner_files.read(place, kind, name)
        if holder and holder.project != owner.project:
            for key in taken:
                place.remove(key)
            raise owner_files.taken(kind, name, holder, owner.project)
    copies.remember(place, deployment)


def give_back(deployment: Deployment, services: Services, models: Iterable[str] = ()) -> None:
    """Give back what a stack's project has by it, once the stack is purged.

    Args:
        deployment: the deployment.
        services: its platform.
        models: registered models that stay, because another stack of the project has them.
    """
    place, project = open_location(services.store), deployment.identity
    ours = Owner(project, deployment.stack)
    stays = {
        owner_files.MODELS: {*models},
        owner_files.EXPERIMENTS: {*_shared_experiment(place, deployment, project)},
    }
    for kind in (owner_files.MODELS, owner_files.EXPERIMENTS, owner_files.STACKS):
        for name in place.names(f"{ownership.FOLDER}/{kind}"):
            if name not in stays.get(kind, ()) and owner_files.read(place, kind, name) == ours:
                place.remove(owner_files.key_of(kind, name))


def _shared_experiment(place: Location, deployment: Deployment, project: str) -> Iterator[str]:
    """Return the experiment, if the Config is deployed in another environment, too."""
    for stack in place.names(f"{ownership.FOLDER}/{owner_files.STACKS}"):
        is_of_config = stack.rpartition(".")[0] == deployment.config and stack != deployment.stack
        owner = owner_files.read(place, owner_files.STACKS, stack) if is_of_config else None
        if owner and owner.project == project:
            yield _experiment(deployment)


def _experiment(deployment: Deployment) -> str:
    """Return the name of the experiment that a deployment's runs are in."""
    return f"{deployment.environment.prefix}{deployment.config}"


def _named(deployment: Deployment, parts: Sequence[Part]) -> dict[str, list[str]]:
    """Return the names of a deployment that stay its project's: models, and the experiment."""
    if not parts:
        return {}
    models = [n for part in parts if part.kind == MODELS for n in part.inputs["members"]]
    return {owner_files.MODELS: models, owner_files.EXPERIMENTS: [_experiment(deployment)]}


def _require_stack(place: Location, stack: str, project: str, state: StackState | None) -> None:
    """Refuse a stack that another project has, in the store or, where it is given, in the state.

    Raises:
        DeployError: D017, one has.
    """
    stated = state.outputs.get(OUTPUT) if state else None
    if isinstance(stated, str) and stated != project:
        raise owner_files.taken(owner_files.STACKS, stack, Owner(stated, stack), project)
    owner = owner_files.read(place, owner_files.STACKS, stack)
    if owner is not None:
        if owner.project != project:
            raise owner_files.taken(owner_files.STACKS, stack, owner, project)
    elif state and not state.exists and _was_deployed(place, stack):
        raise owner_files.taken(owner_files.STACKS, stack, Owner("", stack), project)


def _was_deployed(place: Location, stack: str) -> bool:
    """Tell whether an older Atlas has deployed a stack that nobody has destroyed."""
    last = records.last(place, stack)
    return bool(last and last.record)


def _require_pipelines(
    place: Location, deployment: Deployment, parts: Sequence[Part], project: str
) -> None:
    """Refuse pipelines that another project has: their runs and metrics have one name.

    Raises:
        DeployError: D017, one has.
    """
    pipelines = {
        name.rpartition("-")[0]
        for part in parts
        if kind_of_target(part.kind)
        for name in part.inputs["members"]
    }
    projects: dict[str, Owner | None] = {}
    for kind, name in owner_files.flows(place) if pipelines else ():
        if name.rpartition("-")[0] not in pipelines:
            continue
        stack = owner_files.stack_of(place, kind, name)
        if stack not in projects:
            projects[stack] = owner_files.read(place, owner_files.STACKS, stack)
        owner = projects[stack]
        if stack != deployment.stack and owner and owner.project != project:
            raise owner_files.taken(kind, name, owner, project)
