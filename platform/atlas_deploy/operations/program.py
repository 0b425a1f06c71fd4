"""Pipelines in a Pulumi program of the user's own, beside whatever else it makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas_deploy.apply.prepare import write
from atlas_deploy.apply.stack import declare_parts
from atlas_deploy.desired.bundle import compile_bundle
from atlas_deploy.desired.deployment import deployments
from atlas_deploy.desired.images import require_images
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from atlas_deploy.desired.bundle import Part
    from atlas_deploy.desired.deployment import Deployment


def declare(path: str | Path, environment: str = "local") -> dict[str, Any]:
    """Declare what `atlas deploy PATH` would deploy; to be called in a Pulumi program.

    In a preview nothing is written. What is deployed belongs to the program's own stack: names that
    `atlas deploy` or another stack deployed are refused until they are destroyed there.

    Args:
        path: a Config, a pipeline's folder, or a folder that is scanned.
        environment: name of the Environment, which says the platform.

    Returns:
        The resources, by name (``tumour-inference-airflow``).

    Raises:
        pulumi.RunError: something is wrong with a pipeline, or the platform is missing or down.
    """
    from pulumi import RunError

    try:
        resolved = deployments(Path(path), environment)
        return {
            name: made for deployment in resolved for name, made in _declared(deployment).items()
        }
    except AtlasError as error:
        raise RunError(str(error)) from error


def _declared(deployment: Deployment) -> dict[str, Any]:
    """Declare one deployment; unless it is a preview, have in the store what it is made of."""
    from pulumi.runtime import is_dry_run

    bundle = compile_bundle(deployment, services_of(deployment.project, deployment.environment))
    if not is_dry_run():
        require_images(deployment.pipelines)
        write(bundle)
    parts = [_owned(part, deployment) for part in bundle.parts]
    return declare_parts(parts, f"{deployment.config}-")


def _owned(part: Part, deployment: Deployment) -> Part:
    """Return a resource that belongs to the program's stack."""
    from pulumi import get_project, get_stack

    what = str(part.inputs["owner"]).removeprefix(deployment.stack)
    owner = f"{get_project()}.{get_stack()}/{deployment.config}{what}"
    return replace(part, inputs={**part.inputs, "owner": owner})
