"""The targets that a platform can stand on, and who builds it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulumi

    from infra.outputs import Platform
    from infra.settings import Settings


def build(settings: Settings) -> pulumi.Output[Platform]:
    """Declare the platform's resources on the stack's target; return its outputs."""
    if settings.target == "local":
        from infra.local import stack

        return stack.build(settings)
    if settings.target == "kubernetes":
        from infra.kubernetes import stack as cluster

        return cluster.build(settings)
    from infra.aws import stack as cloud

    return cloud.build(settings)
