"""The provider's resources as typed classes, for Pulumi programs; none of their handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class _AtlasResource(pulumi.CustomResource):
    """A resource of the provider; a subclass declares its outputs as annotated attributes."""

    def __init__(
        self,
        kind: str,
        name: str,
        inputs: Mapping[str, Any],
        outputs: Sequence[str],
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        """Register the resource with its inputs, and its outputs as yet unknown."""
        props = {**inputs, **dict.fromkeys(outputs)}
        super().__init__(f"atlas:index:{kind}", name, props, opts)


class Ports(_AtlasResource):
    """Free loopback ports under names, chosen at create and kept ever after.

    Attributes:
        ports: port by name.
    """

    ports: pulumi.Output[Mapping[str, int]]

    def __init__(
        self,
        name: str,
        *,
        names: pulumi.Input[Sequence[pulumi.Input[str]]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Choose a free port for each of `names`."""
        super().__init__("Ports", name, {"names": names}, ["ports"], opts)
