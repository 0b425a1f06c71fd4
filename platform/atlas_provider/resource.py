"""What the typed classes of resources share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class AtlasResource(pulumi.CustomResource):
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
