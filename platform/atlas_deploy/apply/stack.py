"""The Pulumi stack of a deployment, with the program that declares its resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas_deploy.desired.deployment import PROJECT
from atlas_deploy.history.ownership import OUTPUT
from atlas_deploy.platforms.deployed_kinds import IMAGES
from atlas_deploy.stacks.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi import ResourceOptions

    from atlas_deploy.apply.options import Say
    from atlas_deploy.desired.bundle import Part
    from atlas_deploy.desired.deployment import Deployment
    from atlas_provider.resource import AtlasResource


def open_stack(deployment: Deployment, parts: Sequence[Part], say: Say, provider: int = 0) -> Stack:
    """Open the deployment's stack, with the program that declares its parts.

    Args:
        deployment: whose stack.
        parts: its resources.
        say: takes a line of progress.
        provider: port of a provider that serves already; 0 for one of the engine's own.
    """
    return Stack.open(
        deployment.stack,
        project=PROJECT,
        state=deployment.backend,
        unlock=command("unlock", env=deployment.environment.name),
        program=lambda: _program(deployment, parts),
        say=say,
        provider=provider,
    )


def _program(deployment: Deployment, parts: Sequence[Part]) -> None:
    """Declare the resources, and whose they are: the Pulumi program of a deployment."""
    from pulumi import export

    export(OUTPUT, deployment.identity)
    declare_parts(parts)


def declare_parts(parts: Sequence[Part], prefix: str = "") -> dict[str, Any]:
    """Declare the resources in the Pulumi program that runs; images come before what runs.

    Args:
        parts: the resources.
        prefix: what their names begin with.

    Returns:
        The resources, by name.
    """
    from pulumi import ResourceOptions

    made: dict[str, Any] = {}
    images: list[Any] = []
    for part in sorted(parts, key=lambda part: part.kind != IMAGES):
        options, name = ResourceOptions(depends_on=[*images]), f"{prefix}{part.name}"
        made[name] = _declare(part, name, options)
        images += [made[name]] * (part.kind == IMAGES)
    return made


def _declare(part: Part, name: str, options: ResourceOptions) -> AtlasResource:
    """Declare one resource; that of a target from outside has no typed class."""
    from atlas_provider import resources
    from atlas_provider.kinds import KINDS, PREFIX
    from atlas_provider.resource import AtlasResource

    typed = getattr(resources, part.kind, None)
    if typed is not None:
        made: AtlasResource = typed(name, **part.inputs, opts=options)
        return made
    outputs = [*KINDS[f"{PREFIX}{part.kind}"].schema.outputs]
    return AtlasResource(part.kind, name, part.inputs, outputs, options)
