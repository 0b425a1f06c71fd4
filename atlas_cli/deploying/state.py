"""What a stack's state says is there, and what really is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas_cli.deploying.deployment import PROJECT
from atlas_cli.stacks.backend import Backend
from atlas_cli.stacks.explain import damaged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas_provider.kind import Live


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


def resources(folder: Path, stack: str) -> list[Resource]:
    """Return the resources of a stack by its state file, without starting the engine.

    Args:
        folder: the state folder.
        stack: the stack's name.

    Raises:
        DeployError: the state file can't be read, or is damaged.
    """
    path = Backend(folder).stack_file(PROJECT, stack)
    try:
        latest = json.loads(path.read_text("utf-8"))["checkpoint"]["latest"] or {}
        found = [raw for raw in latest.get("resources", ()) if raw["type"].startswith("atlas:")]
        return [_resource(raw) for raw in found]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DeployError(f"{path} can't be read: {(error.strerror or '').lower()}") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DeployError(damaged(path, str(error))) from None


def exists(folder: Path, stack: str) -> bool:
    """Tell whether there is a stack of that name."""
    return Backend(folder).stack_file(PROJECT, stack).exists()


def _resource(raw: Mapping[str, Any]) -> Resource:
    """Return a resource of the state file."""
    name = raw["urn"].rsplit("::", maxsplit=1)[-1]
    inputs = raw.get("inputs", {})
    return Resource(
        raw["type"], name, raw.get("id", ""), inputs, {**inputs, **raw.get("outputs", {})}
    )
