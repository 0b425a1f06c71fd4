"""The kind `Ports`: free loopback ports, for services that must know each other's beforehand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from atlas.errors import DeployError
from atlas.kinds.parsing import Failure
from atlas.kinds.properties import properties
from atlas.kinds.protocol import FoundResource, Kind, State
from atlas_provider.ports import choose_port

if TYPE_CHECKING:
    from atlas.kinds.protocol import OperationContext

_FORM = re.compile(r"([^=,]+)=(\d{1,5})(?:,|$)")


@properties
class PortsInputs:
    """Free loopback ports under names, chosen at create and kept ever after."""

    names: Annotated[tuple[str, ...], "A name for each port, none twice."]


@properties
class PortsOutputs:
    """The ports that were chosen."""

    ports: Annotated[Mapping[str, int], "Port by name."]


_State = State[PortsInputs, PortsOutputs]


class PortsKind(Kind[PortsInputs, PortsOutputs]):
    """Free ports, kept in the state; nothing is reserved in the system."""

    inputs = PortsInputs
    outputs = PortsOutputs

    def check(self, inputs: PortsInputs) -> list[Failure]:
        """Refuse a name that is given twice."""
        names = inputs.names
        twice = sorted({name for name in names if names.count(name) > 1})
        return [
            Failure("names", f"'{name}' is there twice; give each port one name") for name in twice
        ]

    def preview(self, state: _State | None, inputs: PortsInputs | None) -> dict[str, Any]:
        """Return the ports that stay: all of them, unless a name was added or removed."""
        kept = state.outputs.ports if state else {}
        return {"ports": kept} if inputs and set(kept) == set(inputs.names) else {}

    def create(self, inputs: PortsInputs, context: OperationContext) -> tuple[str, PortsOutputs]:
        """Choose a free port for each name."""
        return context.name, _chosen(inputs, {})

    def read(self, identity: str, state: _State, context: OperationContext) -> _State:
        """Return the state: there is nothing outside it."""
        return state

    def find(
        self, identity: str, context: OperationContext
    ) -> FoundResource[PortsInputs, PortsOutputs]:
        """Return the ports that an id gives: ``web=8080,api=8081``.

        Raises:
            DeployError: it isn't such an id.
        """
        ports = dict(_FORM.findall(identity))
        if ",".join(f"{name}={port}" for name, port in ports.items()) != identity:
            raise DeployError(
                f"id '{identity}': no ports can be read; expected NAME=PORT,NAME=PORT"
            )
        chosen = PortsOutputs(ports={name: int(port) for name, port in ports.items()})
        return FoundResource("", State(PortsInputs(names=tuple(ports)), chosen))

    def update(
        self, identity: str, state: _State, inputs: PortsInputs, context: OperationContext
    ) -> PortsOutputs:
        """Keep the ports of the names that stay, choose for those that are new."""
        return _chosen(inputs, state.outputs.ports)

    def delete(self, identity: str, state: _State, context: OperationContext) -> None:
        """Do nothing: there is nothing outside the state."""


def _chosen(inputs: PortsInputs, kept: Mapping[str, int]) -> PortsOutputs:
    """Return a port for each name: the one that it has, or a new one."""
    return PortsOutputs(ports={name: kept.get(name) or choose_port() for name in inputs.names})
