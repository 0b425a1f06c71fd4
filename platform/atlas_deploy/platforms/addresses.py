"""Where the resources of a deployment find the platform: their inputs that are addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_deploy.platforms.services import REGISTRY
from atlas_provider.kinds import kind_of_target

if TYPE_CHECKING:
    from atlas_deploy.platforms.services import Services

IMAGES, MODELS = "StepImages", "RegisteredModels"
"""Kinds of resources that are no target's."""


def addresses(kind: str, services: Services) -> dict[str, str]:
    """Return the inputs by which a resource of a kind finds the platform."""
    if kind == IMAGES:
        return images_inputs(services)
    of_target = kind_of_target(kind)
    return of_target.operations().addresses(services) if of_target else mlflow_inputs(services)


def images_inputs(services: Services) -> dict[str, str]:
    """Return the inputs by which the resource of images finds the platform."""
    found = {"store": services.store, "registry": services.url(REGISTRY)}
    return {**found, **services.opened(REGISTRY)}


def mlflow_inputs(services: Services) -> dict[str, str]:
    """Return the inputs by which a resource finds MLflow, with the secret that opens it."""
    return {"mlflow": services.url("mlflow"), **services.opened("mlflow")}
