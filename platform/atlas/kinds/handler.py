"""A kind of resource, handled by plain data: parsed here, once, on the way to it."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Generic

from atlas.dataclass import dataclass
from atlas.kinds.parsing import check, has_unknown, parse, parse_state
from atlas.kinds.properties import (
    description_of,
    plain_value,
    properties_of,
    to_plain,
)
from atlas.kinds.protocol import I, O, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.kinds.properties import Plain, Property
    from atlas.kinds.protocol import Change, Failure, Kind, OperationContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What `pulumi package get-schema` prints of a kind.

    Attributes:
        description: what the resource is.
        inputs: the properties that a program gives, by Pulumi's names.
        outputs: the properties that the resource adds, by Pulumi's names.
    """

    description: str
    inputs: Mapping[str, Property]
    outputs: Mapping[str, Property]


@dataclass(frozen=True, slots=True)
class Diff:
    """What would change.

    Attributes:
        changes: the kind of change by property path (``members["tumour"]``); empty for none.
    """

    changes: Mapping[str, Change] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Live:
    """What was really there when a resource was read.

    Attributes:
        inputs: the inputs that would make what was found.
        state: inputs and outputs of what was found.
        identity: the id that it has from now on, where that isn't the one `read` was given.
        secrets: properties to keep as secrets; only an import names any.
    """

    inputs: Plain
    state: Plain
    identity: str = ""
    secrets: frozenset[str] = frozenset()


class Handler(Generic[I, O]):
    """A kind's operations over plain data; state is always inputs and outputs together."""

    def __init__(self, kind: Kind[I, O]) -> None:
        """Take the kind."""
        self.kind = kind

    @property
    def schema(self) -> Schema:
        """The kind's properties."""
        return Schema(
            description=description_of(self.kind.inputs),
            inputs=properties_of(self.kind.inputs),
            outputs=properties_of(self.kind.outputs),
        )

    def check(self, inputs: Plain) -> list[Failure]:
        """Return what is wrong with inputs: names and types, then what the kind knows of them."""
        failures = check(self.kind.inputs, inputs)
        parsed = None if failures else self._known(inputs)
        return failures if parsed is None else self.kind.check(parsed)

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare a resource's state with the desired inputs."""
        changes = compare(self.schema.inputs, state, inputs)
        return Diff({**changes, **self.kind.drift(self._state(state), self._known(inputs))})

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Return the outputs that are known before a create (no state) or an update."""
        before = None if state is None else self._state(state)
        known = self.kind.preview(before, self._known(inputs))
        names = {spec.attribute: name for name, spec in self.schema.outputs.items()}
        return {names[field]: plain_value(value) for field, value in known.items()}

    def create(self, inputs: Plain, context: OperationContext) -> tuple[str, Plain]:
        """Make the resource; return its id and its outputs."""
        identity, outputs = self.kind.create(parse(self.kind.inputs, inputs), context)
        return identity, to_plain(outputs)

    def read(self, identity: str, state: Plain, context: OperationContext) -> Live | None:
        """Return what is really there; None when nothing is. An import has no state."""
        if not state:
            resource = self.kind.find(identity, context)
            return _live(resource.state, resource.identity, resource.secrets)
        live = self.kind.read(identity, self._state(state), context)
        return None if live is None else _live(live)

    def update(
        self, identity: str, state: Plain, inputs: Plain, context: OperationContext
    ) -> Plain:
        """Change the resource to the inputs; return its outputs."""
        parsed = parse(self.kind.inputs, inputs)
        return to_plain(self.kind.update(identity, self._state(state), parsed, context))

    def delete(self, identity: str, state: Plain, context: OperationContext) -> None:
        """Remove the resource; it isn't an error when it was removed already."""
        self.kind.delete(identity, self._state(state), context)

    def _known(self, inputs: Plain) -> I | None:
        """Return inputs parsed; None while some of them aren't known yet."""
        return None if has_unknown(inputs) else parse(self.kind.inputs, inputs)

    def _state(self, state: Plain) -> State[I, O]:
        """Return a state parsed."""
        inputs, outputs = self.kind.inputs, self.kind.outputs
        return State(parse_state(inputs, state), parse_state(outputs, state))


def _live(
    state: State[Any, Any], identity: str = "", secrets: frozenset[str] = frozenset()
) -> Live:
    """Return a state as plain data."""
    return Live(to_plain(state.inputs), state.plain(), identity, secrets)


def compare(inputs: Mapping[str, Property], old: Plain, new: Plain) -> dict[str, Change]:
    """Return the inputs that differ between a state and desired ones, one level of mappings deep.

    Args:
        inputs: the properties that are compared.
        old: the resource's state.
        new: the desired inputs; values may be unknown.

    Returns:
        The kind of change by property path.
    """
    changes: dict[str, Change] = {}
    for name, spec in inputs.items():
        for path, change in _compare_value(name, old.get(name), new.get(name)).items():
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
