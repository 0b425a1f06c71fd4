"""What a kind of resource is: a small protocol over parsed properties.

A kind knows nothing of Pulumi: its properties are the frozen dataclasses that declare them
(`properties`), parsed by `handler`, and only `provider` speaks Pulumi's protocol.
"""

from __future__ import annotations

import threading
from dataclasses import field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from atlas.dataclass import dataclass
from atlas.errors import PartialFailureError
from atlas.kinds.parsing import Failure
from atlas.kinds.properties import Plain, to_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Change",
    "Failure",
    "FoundResource",
    "Kind",
    "OperationContext",
    "PartialFailureError",
    "State",
]

I = TypeVar("I")  # noqa: E741 - a kind's inputs
O = TypeVar("O")  # noqa: E741 - a kind's outputs
Change = Literal["add", "update", "delete", "replace"]


@dataclass(frozen=True, slots=True)
class State(Generic[I, O]):
    """A resource as it was made, or as it was read.

    Attributes:
        inputs: the inputs that would make it.
        outputs: what the resource adds to them.
    """

    inputs: I
    outputs: O

    def plain(self) -> Plain:
        """Return both by Pulumi's names, as Pulumi's state has them."""
        return {**to_plain(self.inputs), **to_plain(self.outputs)}


@dataclass(frozen=True, slots=True)
class FoundResource(Generic[I, O]):
    """A resource that was found by the id that an import was given.

    Attributes:
        identity: the id that it has from now on; empty for the one that it was found by.
        state: what was found.
        secrets: Pulumi's names of properties that have to be kept as secrets.
    """

    identity: str
    state: State[I, O]
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OperationContext:
    """What an operation needs to know beside the resource.

    Attributes:
        name: the resource's name in the program (the last part of its URN).
        timeout: seconds that the operation may take, 0 where the program doesn't set it.
        cancelled: set when the operation should end early and leave nothing half-made.
    """

    name: str
    timeout: float = 0.0
    cancelled: threading.Event = field(default_factory=threading.Event)


class Kind(Protocol[I, O]):
    """One kind of resource.

    Every operation may be repeated after a kill at any point, and then ends in the same state.

    Attributes:
        inputs: the class that declares the inputs; its docstring describes the resource.
        outputs: the class that declares the outputs.
    """

    inputs: type[I]
    outputs: type[O]

    def check(self, inputs: I) -> list[Failure]:
        """Return what is wrong with inputs whose names and types are right."""
        return []

    def drift(self, state: State[I, O], inputs: I | None) -> Mapping[str, Change]:
        """Return the outputs that call for an update, though perhaps no input has changed.

        Args:
            state: the resource's state.
            inputs: the desired inputs; None while some of them aren't known yet.
        """
        return {}

    def preview(self, state: State[I, O] | None, inputs: I | None) -> Mapping[str, Any]:
        """Return the outputs that are known before `create` (state is None) or `update`, by field.

        Args:
            state: the resource's state; None before it is made.
            inputs: the desired inputs; None while some of them aren't known yet.
        """
        return {}

    def create(self, inputs: I, context: OperationContext) -> tuple[str, O]:
        """Make the resource; return its id and its outputs."""
        ...

    def read(
        self, identity: str, state: State[I, O], context: OperationContext
    ) -> State[I, O] | None:
        """Return what is really there; None when nothing is."""
        ...

    def find(self, identity: str, context: OperationContext) -> FoundResource[I, O]:
        """Return what the id of an import names, which alone has to name the place.

        Raises:
            AtlasError: the id lacks something, or nothing is there.
        """
        ...

    def update(self, identity: str, state: State[I, O], inputs: I, context: OperationContext) -> O:
        """Change the resource to the inputs; return its outputs."""
        ...

    def delete(self, identity: str, state: State[I, O], context: OperationContext) -> None:
        """Remove the resource; it isn't an error when it was removed already."""
        ...
