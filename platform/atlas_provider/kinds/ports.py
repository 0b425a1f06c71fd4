"""The kind `Ports`: free loopback ports, for services that must know each other's beforehand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas.kinds.protocol import Diff, Failure, Live, Property, Schema, compare
from atlas_provider.ports import choose_port

if TYPE_CHECKING:
    from atlas.kinds.protocol import Context, Plain

_FORM = re.compile(r"([^=,]+)=(\d{1,5})(?:,|$)")


class Ports:
    """Free ports, kept in the state; nothing is reserved in the system."""

    schema = Schema(
        description="Free loopback ports under names, chosen at create and kept ever after.",
        inputs={
            "names": Property(type="string[]", description="A name for each port.", required=True)
        },
        outputs={"ports": Property(type="integer{}", description="Port by name.", required=True)},
    )

    def check(self, inputs: Plain) -> list[Failure]:
        """Refuse a name that is given twice."""
        names = inputs["names"]
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        return [
            Failure("names", f"'{name}' is there twice; give each port one name") for name in twice
        ]

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare the names."""
        return Diff(compare(self.schema, state, inputs))

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Say which ports stay: all of them, unless a name is new."""
        kept = (state or {}).get("ports", {})
        return {"ports": kept} if set(kept) == set(inputs["names"]) else {}

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Choose a free port for each name."""
        return context.name, {"ports": {name: choose_port() for name in inputs["names"]}}

    def read(self, identity: str, state: Plain, context: Context) -> Live:
        """Return the state: there is nothing outside it; an import's id says the ports."""
        known = state or _imported(identity)
        return Live({"names": known["names"]}, known)

    def update(self, identity: str, state: Plain, inputs: Plain, context: Context) -> Plain:
        """Keep the ports of the names that stay, choose for those that are new."""
        kept = state.get("ports", {})
        return {"ports": {name: kept.get(name) or choose_port() for name in inputs["names"]}}

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Do nothing: there is nothing outside the state."""


def _imported(identity: str) -> Plain:
    """Return the state that an id for an import says: ``web=8080,api=8081``.

    Raises:
        DeployError: it isn't such an id.
    """
    ports = dict(_FORM.findall(identity))
    if ",".join(f"{name}={port}" for name, port in ports.items()) != identity:
        raise DeployError(f"id '{identity}': no ports can be read; expected NAME=PORT,NAME=PORT")
    return {"names": [*ports], "ports": {name: int(port) for name, port in ports.items()}}
