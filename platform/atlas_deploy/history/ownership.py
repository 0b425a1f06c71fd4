"""Which project has the names that a deployment shares with everybody on its platform.

    <store>/deployments/owners/<kind>/<name>   who has it: {"project": …, "stack": …}

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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.advice import mention
from atlas.errors import DeployError, clean
from atlas.kinds import ownership
from atlas.store import open_location
from atlas.targets import deployed_kinds
from atlas_deploy.history import copies, records
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
_FOLDER = ownership.FOLDER
_LONGEST = 200
_STACKS, _MODELS, _EXPERIMENTS = "stacks", "models", "experiments"
_WORDS = {
    _STACKS: "stack",
    _MODELS: "registered model",
    _EXPERIMENTS: "experiment",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a name.

    Attributes:
        project: the project's id; empty for a deployment by an older Atlas.
        stack: the stack that took it.
    """

    project: str
    stack: str


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
    known = {one.name: one.inputs["members"] for one in resources}
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
        there = {*place.names(f"{_FOLDER}/{kind}")} if len(names) > 1 else {*names}
        for name in sorted(there.intersection(names)):
            found = _owner(place, kind, name)
            if found and found.project != project:
                raise _taken(kind, name, found, project)


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
    named = {_STACKS: [deployment.stack], **_named(deployment, parts)}
    taken: list[str] = []
    for kind, name in ((kind, name) for kind, names in named.items() for name in names):
        if place.create(_key(kind, name), text):
            taken.append(_key(kind, name))
            continue
        found = _owner(place, kind, name)
        if found and found.project != owner.project:
            for key in taken:
                place.remove(key)
            raise _taken(kind, name, found, owner.project)
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
    stays = {_MODELS: {*models}, _EXPERIMENTS: {*_shared_experiment(place, deployment, project)}}
    for kind in (_MODELS, _EXPERIMENTS, _STACKS):
        for name in place.names(f"{_FOLDER}/{kind}"):
            if name not in stays.get(kind, ()) and _owner(place, kind, name) == ours:
                place.remove(_key(kind, name))


def _shared_experiment(place: Location, deployment: Deployment, project: str) -> Iterator[str]:
    """Return the experiment, if the Config is deployed in another environment, too."""
    for stack in place.names(f"{_FOLDER}/{_STACKS}"):
        is_of_config = stack.rpartition(".")[0] == deployment.config and stack != deployment.stack
        found = _owner(place, _STACKS, stack) if is_of_config else None
        if found and found.project == project:
            yield _experiment(deployment)


def _experiment(deployment: Deployment) -> str:
    """Return the name of the experiment that a deployment's runs are in."""
    return f"{deployment.environment.prefix}{deployment.config}"


def _named(deployment: Deployment, parts: Sequence[Part]) -> dict[str, list[str]]:
    """Return the names of a deployment that stay its project's: models, and the experiment."""
    if not parts:
        return {}
    models = [n for part in parts if part.kind == MODELS for n in part.inputs["members"]]
    return {_MODELS: models, _EXPERIMENTS: [_experiment(deployment)]}


def _require_stack(place: Location, stack: str, project: str, state: StackState | None) -> None:
    """Refuse a stack that another project has, in the store or, where it is given, in the state.

    Raises:
        DeployError: D017, one has.
    """
    stated = state.outputs.get(OUTPUT) if state else None
    if isinstance(stated, str) and stated != project:
        raise _taken(_STACKS, stack, Owner(stated, stack), project)
    found = _owner(place, _STACKS, stack)
    if found is not None:
        if found.project != project:
            raise _taken(_STACKS, stack, found, project)
    elif state and not state.exists and _was_deployed(place, stack):
        raise _taken(_STACKS, stack, Owner("", stack), project)


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
    for kind, name in _flows(place) if pipelines else ():
        if name.rpartition("-")[0] not in pipelines:
            continue
        stack = _stack_of(place, kind, name)
        if stack not in projects:
            projects[stack] = _owner(place, _STACKS, stack)
        found = projects[stack]
        if stack != deployment.stack and found and found.project != project:
            raise _taken(kind, name, found, project)


def _stack_of(place: Location, kind: str, name: str) -> str:
    """Return the stack that has a deployed name; empty where it has just been given back."""
    try:
        text = place.read(_key(kind, name)).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return text.rpartition("/")[0]


def _flows(place: Location) -> Iterator[tuple[str, str]]:
    """Return the deployed names that somebody has, each with its kind."""
    for kind in sorted({*place.names(_FOLDER)} - _WORDS.keys()):
        yield from ((kind, name) for name in place.names(f"{_FOLDER}/{kind}"))


def _owner(place: Location, kind: str, name: str) -> Owner | None:
    """Return the owner of a name; None for none.

    Raises:
        DeployError: it can't be read, so that it isn't known who.
    """
    key = _key(kind, name)
    try:
        found: Any = json.loads(place.read(key))
        return Owner(str(found["project"]), str(found["stack"]))
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise DeployError(
            f"{place.url}/{key}: no owner of {noun_of(kind)} {name} can be read; expected JSON "
            "with project and stack; if the name is this project's, remove the file and repeat"
        ) from None


def _taken(kind: str, name: str, found: Owner, project: str) -> DeployError:
    """Return the error that another project has a name, with the ways out."""
    what = f"{noun_of(kind)} {name}: "
    other = "give this Config another name, or this environment a prefix"
    if not found.project:
        return DeployError(
            f"{what}was deployed by an older Atlas from another place, which recorded no project; "
            f"deploy it from where its stack is kept, or {mention('destroy')} it there, or {other}",
            code="D017",
        )
    theirs = clean(found.project, _LONGEST)
    by = "" if kind == _STACKS else f" (stack {clean(found.stack, _LONGEST)})"
    return DeployError(
        f"{what}belongs to project {theirs}{by}, and this is project {project}; "
        f"{other}, or {mention('destroy', '--purge')} the other; if both are one project, "
        f'write id = "{theirs}" under [tool.atlas] in its pyproject.toml',
        code="D017",
    )


def noun_of(kind: str) -> str:
    """Return what a name is of, to a person."""
    nouns = (one.noun for one in deployed_kinds() if one.owned_as == kind)
    return _WORDS.get(kind) or next(nouns, kind)


def _key(kind: str, name: str) -> str:
    """Return the key of the file that says who has a name."""
    return f"{_FOLDER}/{kind}/{name}"
