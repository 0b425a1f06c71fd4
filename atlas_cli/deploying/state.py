"""What a stack's state says is there, and what really is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas_cli.deploying.deployment import PROJECT
from atlas_cli.stacks.explain import damaged
from atlas_cli.stacks.keeping import keeping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from atlas_cli.stacks.backend import Backend
    from atlas_provider.kind import Live


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
        from atlas_provider.kind import Context
        from atlas_provider.kinds import KINDS

        return KINDS[self.type].read(self.identity, dict(self.state), Context(self.name))


def merged(found: Sequence[Resource]) -> Resource:
    """Return one resource with the members of several that are in one place."""
    first = found[0]
    several = [name for name, value in first.inputs.items() if isinstance(value, dict)]
    whole = {name: _union(one.inputs.get(name, {}) for one in found) for name in several}
    inputs = {**first.inputs, **whole}
    return Resource(first.type, first.name, first.identity, inputs, {**first.state, **inputs})


def _union(mappings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return all entries of several mappings."""
    return {name: value for each in mappings for name, value in each.items()}


def resources(backend: Backend, stack: str) -> list[Resource]:
    """Return the resources of a stack by its state.

    Args:
        backend: where stacks are kept.
        stack: the stack's name.

    Raises:
        DeployError: the state can't be read, or is damaged.
    """
    kept = keeping(backend)
    latest = kept.checkpoint(PROJECT, stack)
    try:
        found = [raw for raw in latest.get("resources", ()) if raw["type"].startswith("atlas:")]
        return [_resource(raw) for raw in found]
    except (LookupError, TypeError, AttributeError) as error:
        raise DeployError(damaged(kept.where(PROJECT, stack), str(error))) from None


def outputs(backend: Backend, stack: str) -> Mapping[str, Any]:
    """Return the outputs of a stack by its state; empty for none.

    Raises:
        DeployError: the state can't be read, or is damaged.
    """
    kept = keeping(backend)
    latest = kept.checkpoint(PROJECT, stack)
    try:
        found = [one for one in latest.get("resources", ()) if one["type"] == _STACK]
        return dict(found[0].get("outputs", {})) if found else {}
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise DeployError(damaged(kept.where(PROJECT, stack), str(error))) from None


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
