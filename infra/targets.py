"""The targets that a platform can stand on, and who builds it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from infra.outputs import Platform
    from infra.settings import Settings


def build(settings: Settings) -> pulumi.Output[Platform]:
    """Declare the platform's resources on the stack's target; return its outputs.

    Raises:
        pulumi.RunError: the target isn't in this version of Atlas.
    """
    if settings.target == "local":
        from infra.local import stack

        return stack.build(settings)
    if settings.target == "kubernetes":
        from infra.kubernetes import stack as cluster

        return cluster.build(settings)
    raise pulumi.RunError(
        f"atlas:target: '{settings.target}' is not in this version of Atlas, only 'local' and "
        f"'kubernetes' are; set it in Pulumi.{settings.stack}.yaml"
    )
