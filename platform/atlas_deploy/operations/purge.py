"""What a deployment leaves behind when it is destroyed, listed first, and its removal.

It is found from the stack's state or, once this is gone, from the last record of the stack's
history, so that a purge that was interrupted can be repeated.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.store import open_location
from atlas.targets import deployed_kinds
from atlas_deploy.desired.bundle import owner_of
from atlas_deploy.history import owner_files, ownership, records
from atlas_deploy.live.state import state_of
from atlas_deploy.platforms.deployed_kinds import IMAGES, MODELS
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.store import Location
    from atlas.targets import DeployedKind
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.state import StackState
    from atlas_deploy.platforms.services import Services

_MODEL = "model "
_ABSENT = "RESOURCE_DOES_NOT_EXIST"


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What a destroyed deployment leaves behind.

    Attributes:
        models: registered name → number of versions.
        runs: pipeline → number of runs in the store, each with its artifacts.
        versions: kind of members (``kubeflow``) → member → number of its versions.
        images: image's name → repository and digest.
        shared: what stays, for another stack deploys it, too → that stack.
    """

    models: Mapping[str, int]
    runs: Mapping[str, int]
    versions: Mapping[str, Mapping[str, int]]
    images: Mapping[str, str]
    shared: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, the versions under the name of each kind."""
        plain = asdict(self)
        versions = plain.pop("versions")
        return {**plain, **versions}

    def lines(self) -> Iterator[str]:
        """Return it as text, a line each."""
        yield from (f"model {name}, {count} versions" for name, count in self.models.items())
        yield from (f"{count} runs of {name}, artifacts" for name, count in self.runs.items())
        for kind, versions in self.versions.items():
            noun = owner_files.noun_of(kind)
            yield from (f"{count} versions of {noun} {name}" for name, count in versions.items())
        yield from (f"image {pinned}, unless others use it" for pinned in self.images.values())

    @property
    def shared_models(self) -> list[str]:
        """The registered models that stay."""
        return [what.removeprefix(_MODEL) for what in self.shared if what.startswith(_MODEL)]

    def kept(self) -> Iterator[str]:
        """Return what stays, as text, a line each."""
        for what, stack in self.shared.items():
            yield f"{what} stays: stack {stack} deploys it, too"


def leftovers(deployment: Deployment) -> Leftovers:
    """Return what a deployment leaves behind, or has left.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: D017, another project has the stack.
    """
    services = services_of(deployment.project, deployment.environment)
    state = state_of(deployment.backend, deployment.stack)
    ownership.require_own(deployment, services, state)
    inputs = _inputs(deployment, services, state)
    place = open_location(services.store)
    own = _Names.of(inputs.items())
    others = _of_others(place, deployment.stack)
    runs = {
        pipeline: _runs(place.names(pipeline))
        for pipeline in own.pipelines
        if pipeline not in others.pipelines
    }
    versions = _versions(services, [name for name in own.flows if name not in others.flows])
    return Leftovers(
        models=_models(services, [name for name in own.models if name not in others.models]),
        shared=own.shared_with(others),
        runs={name: count for name, count in runs.items() if count},
        versions=versions,
        images=dict(inputs.get(IMAGES, {}).get("members", {})),
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """What deployments speak of by name: each with the stack that it is of.

    Attributes:
        models: registered models.
        flows: deployed names of flows.
    """

    models: Mapping[str, str]
    flows: Mapping[str, str]

    @classmethod
    def of(cls, parts: Iterable[tuple[str, Mapping[str, Any]]], stack: str = "") -> _Names:
        """Return the names in the inputs of resources."""
        models: dict[str, str] = {}
        flows: dict[str, str] = {}
        for kind, inputs in parts:
            flows |= dict.fromkeys(inputs.get("plans", {}), stack)
            if kind == MODELS:
                models |= dict.fromkeys(inputs["members"], stack)
        return cls(models, flows)

    @property
    def pipelines(self) -> dict[str, str]:
        """Return the pipelines whose flows these are."""
        return {name.rpartition("-")[0]: stack for name, stack in self.flows.items()}

    def shared_with(self, others: _Names) -> dict[str, str]:
        """Return what others have, too, in words, with the stack that has it."""
        pairs = ((_MODEL, "models"), ("pipeline ", "pipelines"))
        return {
            f"{word}{name}": getattr(others, names)[name]
            for word, names in pairs
            for name in getattr(self, names)
            if name in getattr(others, names)
        }


def _of_others(place: Location, own: str) -> _Names:
    """Return what the other stacks deploy, as their last records have it.

    Raises:
        StoreError: a record can't be read.
    """
    models: dict[str, str] = {}
    flows: dict[str, str] = {}
    for stack in records.stacks(place):
        entry = records.last(place, stack) if stack != own else None
        if entry and entry.record:
            parts = ((part.kind, part.inputs) for part in records.read(place, entry).parts)
            names = _Names.of(parts, stack)
            models |= names.models
            flows |= names.flows
    return _Names(models, flows)


def purge(deployment: Deployment, left: Leftovers) -> None:
    """Remove what a destroyed deployment has left; what is gone already isn't an error.

    Raises:
        PlatformError: a service is down, or refuses.
    """
    services = services_of(deployment.project, deployment.environment)
    if left.models:
        _purge_models(services, left)
    if left.images:
        _purge_images(deployment, services, left)
    place = open_location(services.store)
    for kind in _versioned_kinds():
        kind.operations().purge(services, left.versions.get(kind.owned_as, {}))
    for name in left.runs:
        place.remove(name)
    ownership.give_back(deployment, services, left.shared_models)


def _inputs(
    deployment: Deployment, services: Services, state: StackState
) -> dict[str, dict[str, Any]]:
    """Return the inputs of each kind, members of several resources together."""
    deployed = [(resource.kind, resource.inputs) for resource in state.resources]
    if not deployed:
        place = open_location(services.store)
        entries = [entry for entry in records.history(place, deployment.stack) if entry.record]
        parts = records.read(place, entries[-1]).parts if entries else ()
        deployed = [(part.kind, part.inputs) for part in parts]
    joined: dict[str, dict[str, Any]] = {}
    for kind, inputs in deployed:
        own = joined.setdefault(kind, {})
        for name in ("members", "plans"):
            own[name] = {**own.get(name, {}), **inputs.get(name, {})}
    return joined


def _runs(names: list[str]) -> int:
    """Return how many of a pipeline's folder's names are runs."""
    return sum(name.startswith(("training-", "inference-")) for name in names)


def versioned_members(deployment: Deployment) -> list[str]:
    """Return the names of a deployment's members that have versions, as its stack has them."""
    kinds = {kind.name for kind in _versioned_kinds()}
    resources = state_of(deployment.backend, deployment.stack).resources
    return sorted(
        {
            name
            for resource in resources
            if resource.kind in kinds
            for name in resource.inputs["members"]
        }
    )


def versions_left(deployment: Deployment, names: list[str]) -> dict[str, int]:
    """Return how many versions there are still of some members: what each is → number.

    Raises:
        PlatformError: the platform is missing or down.
    """
    if not names:
        return {}
    services = services_of(deployment.project, deployment.environment)
    return {
        f"{owner_files.noun_of(kind)} {name}": count
        for kind, versions in _versions(services, names).items()
        for name, count in sorted(versions.items())
    }


def _versions(services: Services, names: list[str]) -> dict[str, dict[str, int]]:
    """Return how many versions each deployed name has, by kind; a name without any is left out."""
    by_kind = {kind.owned_as: kind.operations() for kind in _versioned_kinds()}
    return {
        kind: {name: n for name, n in operations.versions(services, names).items() if n}
        for kind, operations in by_kind.items()
    }


def _versioned_kinds() -> Iterator[DeployedKind]:
    """Give the kinds whose members' versions stay when they are destroyed."""
    return (kind for kind in deployed_kinds() if kind.operations().keeps_versions)


def _models(services: Services, names: list[str]) -> dict[str, int]:
    """Return how many versions each model has, of those that there are."""
    from atlas_provider.models import registered

    if not names:
        return {}
    mlflow = services.mlflow()
    there = registered(mlflow, names)
    return {name: len(mlflow.versions(name)) for name in names if name in there}


def _purge_models(services: Services, left: Leftovers) -> None:
    """Delete models with all of their versions."""
    mlflow = services.mlflow()
    for name in left.models:
        mlflow.call("DELETE", "registered-models/delete", {"name": name}, (_ABSENT,))


def _purge_images(deployment: Deployment, services: Services, left: Leftovers) -> None:
    """Delete the images that no other stack holds."""
    from atlas.kinds.protocol import OperationContext
    from atlas_provider.kinds import KINDS, PREFIX

    inputs = {
        "owner": owner_of(deployment, "images"),
        "members": dict(left.images),
        "purge": True,
        **services.addresses(IMAGES),
    }
    KINDS[f"{PREFIX}{IMAGES}"].delete("", inputs, OperationContext("images"))
