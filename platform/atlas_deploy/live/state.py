"""What Pulumi's state of a stack says, and what its resources really are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas.values import digest
from atlas_deploy.desired.deployment import PROJECT
from atlas_deploy.platforms.deployed_kinds import facts_of
from atlas_deploy.stacks.explain import damaged
from atlas_deploy.stacks.keeping import keeping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from atlas.kinds.handler import Live
    from atlas_deploy.stacks.backend import Backend


_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in a stack's state.

    Attributes:
        type: its type token.
        name: its name in the stack.
        identity: its id.
        inputs: the inputs that it was made with.
        state: inputs and outputs together.
    """

    type: str
    name: str
    identity: str
    inputs: Mapping[str, Any]
    state: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The name of its class in `atlas_provider.resources`."""
        return self.type.rpartition(":")[2]

    def live(self) -> Live | None:
        """Return what is really there; None when nothing is.

        Raises:
            AtlasError: a service doesn't answer.
        """
        from atlas.kinds.protocol import OperationContext
        from atlas_provider.kinds import KINDS

        return KINDS[self.type].read(self.identity, dict(self.state), OperationContext(self.name))


_OWN = ("owner", "members", "plans", "schedules", "monitors")
"""Inputs that differ between the stacks of one platform."""


def live_together(resources: Sequence[Resource]) -> list[Live | None]:
    """Return what is really there of several resources: one look for all of a kind and place.

    Raises:
        AtlasError: a service doesn't answer.
    """
    lives: dict[int, Live | None] = {}
    for numbers in together(resources):
        ones = [resources[number] for number in numbers]
        live = merged(ones).live() if len(ones) > 1 else ones[0].live()
        lives |= {number: _part(live, resources[number], len(ones)) for number in numbers}
    return [lives[number] for number in range(len(resources))]


def together(resources: Sequence[Resource]) -> list[list[int]]:
    """Return which resources are of one kind and place, by their numbers."""
    groups: dict[str, list[int]] = {}
    for number, resource in enumerate(resources):
        place = {name: value for name, value in resource.inputs.items() if name not in _OWN}
        key = (
            str(number) if facts_of(resource.kind).is_read_apart else digest([resource.type, place])
        )
        groups.setdefault(key, []).append(number)
    return [*groups.values()]


def _part(live: Live | None, of: Resource, count: int) -> Live | None:
    """Return what there is of one resource of several that were looked at together."""
    if live is None or count == 1:
        return live
    own = of.inputs["members"]
    inputs, state = _only(live.inputs, own), _only(live.state, own)
    if own and not inputs["members"]:
        return None
    owner = {"owner": of.inputs["owner"]}
    return replace(live, inputs={**inputs, **owner}, state={**state, **owner}, identity="")


def _only(values: Mapping[str, Any], members: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties with what some members have of them."""
    return {name: _only_of(value, members) for name, value in values.items()}


def _only_of(value: Any, members: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: entry for name, entry in value.items() if name in members}
    return [name for name in value if name in members] if isinstance(value, list) else value


def merged(resources: Sequence[Resource]) -> Resource:
    """Return one resource with the members of several that are in one place."""
    first = resources[0]
    several = [name for name, value in first.inputs.items() if isinstance(value, dict)]
    whole = {
        name: _union(resource.inputs.get(name, {}) for resource in resources) for name in several
    }
    inputs = {**first.inputs, **whole}
    return Resource(first.type, first.name, first.identity, inputs, {**first.state, **inputs})


def _union(mappings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return all entries of several mappings."""
    return {name: value for mapping in mappings for name, value in mapping.items()}


@dataclass(frozen=True, slots=True)
class StackState:
    """What Pulumi's state of a stack says.

    Attributes:
        resources: the resources of Atlas in it.
        outputs: the stack's outputs.
        exists: whether there is any state.
    """

    resources: Sequence[Resource] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    exists: bool = False


def state_of(backend: Backend, stack: str) -> StackState:
    """Return the state of a stack; an empty one where there is no such stack.

    Args:
        backend: where stacks are kept.
        stack: the stack's name.

    Raises:
        DeployError: the state can't be read, or is damaged.
    """
    stacks = keeping(backend)
    latest = stacks.checkpoint(PROJECT, stack)
    try:
        raws = latest.get("resources", ())
        roots = [raw for raw in raws if raw["type"] == _STACK]
        return StackState(
            [_resource(raw) for raw in raws if raw["type"].startswith("atlas:")],
            dict(roots[0].get("outputs", {})) if roots else {},
            bool(latest),
        )
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise DeployError(damaged(stacks.where(PROJECT, stack), str(error))) from None


def exists(backend: Backend, stack: str) -> bool:
    """Tell whether there is a stack of that name."""
    return keeping(backend).exists(PROJECT, stack)


def _resource(raw: Mapping[str, Any]) -> Resource:
    """Return a resource of the state file."""
    name = raw["urn"].rsplit("::", maxsplit=1)[-1]
    inputs = raw.get("inputs", {})
    return Resource(
        raw["type"], name, raw.get("id", ""), inputs, {**inputs, **raw.get("outputs", {})}
    )
