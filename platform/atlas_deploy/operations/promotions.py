"""Versions of models that wait until the others of their family can be promoted with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.errors import PlatformError
from atlas.step.family import waiting_version
from atlas.tracking.registry import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.platforms.services import Services

_AT_ONCE = 16
_NAMED = 3


def waiting_versions(deployment: Deployment, store: Store, services: Services) -> dict[str, str]:
    """Return the versions of a deployment's models that wait for others of their family, by model.

    Args:
        deployment: with its pipelines, where these aren't broken.
        store: where its members have trained.
        services: the platform's; an MLflow that doesn't answer leaves out what it would say.
    """
    every = (pipeline.plans.get("training") for pipeline in deployment.pipelines)
    plans = [plan for plan in every if plan and plan.family and plan.model and plan.model.parts]
    if not plans:
        return {}
    registry = services.mlflow() if services.has("mlflow") else LocalRegistry(store)
    with suppress(PlatformError):
        return waiting_in(registry, store, plans)
    return {}


def waiting_in(registry: ModelRegistry, store: Store, plans: list[Plan]) -> dict[str, str]:
    """Return the versions of Plans' models that wait for others of their family, by model.

    Raises:
        PlatformError: the registry doesn't answer.
    """
    models = [plan.model.name for plan in plans if plan.model]
    with ThreadPoolExecutor(min(_AT_ONCE, len(plans))) as pool:
        found = pool.map(lambda plan: waiting_version(store, registry, plan), plans)
        return {model: version for model, version in zip(models, found, strict=True) if version}


def render_waiting(waiting: Mapping[str, str]) -> list[str]:
    """Return a line for the versions that wait, if any does."""
    if not waiting:
        return []
    named = [f"{model} version {version}" for model, version in sorted(waiting.items())]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    verb = "wait" if len(named) > 1 else "waits"
    return [
        f"promotion: {', '.join(named[:_NAMED])}{more} {verb} for the rest of the family; "
        f"{command('promote')} decides on the latest version of each member"
    ]
