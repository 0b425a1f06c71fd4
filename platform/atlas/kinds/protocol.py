"""What a kind of resource is: one small protocol over plain data, and the words that it speaks.

A kind knows nothing of Pulumi's protocol; `provider` alone does. Its properties are plain data
(str, int, float, bool, list, dict). In a preview a value that isn't known yet is `UNKNOWN`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from atlas.errors import AtlasError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Plain = dict[str, Any]


class Unknown:
    """A value that will be known only when what it comes from has been made."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a word that reads well in an error or a diff."""
        return "<unknown>"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of a kind.

    Attributes:
        type: ``string``, ``integer``, ``number``, ``boolean`` or ``any``; ``[]`` behind it makes a
            list of them, ``{}`` a mapping from names to them.
        description: what it is, in one sentence; it becomes the schema's.
        required: whether a program has to give it (inputs) or always finds it (outputs).
        replaces: whether a change of it makes a new resource instead of an update (inputs only).
    """

    type: str
    description: str
    required: bool = False
    replaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What `pulumi package get-schema` says of a kind, and what `check` holds its inputs to.

    Attributes:
        description: what the resource is, in a sentence or two.
        inputs: the properties that a program gives, by name (camelCase).
        outputs: the properties that the resource adds, by name (camelCase).
    """

    description: str
    inputs: Mapping[str, Property]
    outputs: Mapping[str, Property]


@dataclass(frozen=True, slots=True)
class Failure:
    """One input that can't be right: which, and why.

    Attributes:
        property: the input's name.
        reason: what was found, what was expected and what to do.
    """

    property: str
    reason: str


Change = Literal["add", "update", "delete", "replace"]


@dataclass(frozen=True, slots=True)
class Diff:
    """What would change, property by property.

    Attributes:
        changes: the kind of change by property path (``members["tumour"]``); empty for none.
        delete_first: whether a replacement deletes the old one before it makes the new one.
    """

    changes: Mapping[str, Change] = field(default_factory=dict)
    delete_first: bool = True


@dataclass(frozen=True, slots=True)
class Live:
    """What `read` found.

    Attributes:
        inputs: the inputs that would make what was found.
        state: inputs and outputs of what was found.
        identity: the id that it has from now on, where that isn't the one `read` was given.
        secrets: properties to keep as secrets; only an import says any: else Pulumi knows.
    """

    inputs: Plain
    state: Plain
    identity: str = ""
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Context:
    """What an operation is told of the world around it.

    Attributes:
        name: the resource's name in the program (the last part of its URN).
        timeout: seconds that the operation may take, 0 where the program doesn't say.
        cancelled: set when the operation should end early and leave nothing half-made.
    """

    name: str
    timeout: float = 0.0
    cancelled: threading.Event = field(default_factory=threading.Event)


class PartialFailureError(AtlasError):
    """Part of an operation was done: Pulumi keeps that, and the next update tries the rest."""

    def __init__(self, identity: str, inputs: Plain, state: Plain, reasons: Sequence[str]) -> None:
        """Keep what was done and why the rest wasn't."""
        super().__init__("; ".join(reasons))
        self.like: Mapping[str, Any] = {}
        self.identity = identity
        self.inputs = inputs
        self.state = state
        self.reasons = tuple(reasons)


class Kind(Protocol):
    """One kind of resource. State is always inputs and outputs together.

    Every operation may be repeated after a kill at any point, and then ends in the same state.
    """

    @property
    def schema(self) -> Schema:
        """Return the kind's properties."""

    def check(self, inputs: Plain) -> list[Failure]:
        """Return what is wrong with inputs whose names and types are right."""

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare a resource's state with wanted inputs."""

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Return the outputs that are known before `create` (state is None) or `update`."""

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Make the resource; return its id and its outputs."""

    def read(self, identity: str, state: Plain, context: Context) -> Live | None:
        """Return what is really there; None when nothing is.

        State is empty for an import: then the id alone says where to look.

        Raises:
            AtlasError: an import's id doesn't say enough, or nothing is there.
        """

    def update(self, identity: str, state: Plain, inputs: Plain, context: Context) -> Plain:
        """Change the resource to the inputs; return its outputs."""

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Remove the resource; it is no error when it is gone already."""


def compare(schema: Schema, state: Plain, inputs: Plain) -> dict[str, Change]:
    """Return the inputs that differ between a state and wanted inputs, one level of mappings deep.

    Args:
        schema: the kind's properties; only its inputs are compared.
        state: the resource's state, inputs and outputs.
        inputs: the wanted inputs.

    Returns:
        The kind of change by property path.
    """
    changes: dict[str, Change] = {}
    for name, spec in schema.inputs.items():
        for path, change in _compare_value(name, state.get(name), inputs.get(name)).items():
            changes[path] = "replace" if spec.replaces else change
    return changes


def _compare_value(path: str, old: Any, new: Any) -> dict[str, Change]:
    """Compare one property; of two mappings compare every entry."""
    if old == new:
        return {}
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        return {
            f'{path}["{key}"]': _change(old.get(key), new.get(key))
            for key in keys
            if old.get(key) != new.get(key)
        }
    return {path: _change(old, new)}


def _change(old: Any, new: Any) -> Change:
    """Name the change between two values that differ."""
    if old is None:
        return "add"
    return "delete" if new is None else "update"


def has_unknown(value: Any) -> bool:
    """Tell whether a value is, or holds, an unknown."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN
