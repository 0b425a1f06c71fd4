"""Fingerprints: one digest of everything that the resources of a deployment follow from.

Two deployments of one fingerprint have the same resources: the same Plans, images, platform,
compilers and project.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.kinds import content
from atlas.registered import LOCAL_TARGET
from atlas.targets import compiler_named, target_named
from atlas.values import digest
from atlas_deploy.desired.alerts import rule_files
from atlas_deploy.desired.images import references_of
from atlas_deploy.desired.monitors import compiled_monitor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.plan import Plan
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.platforms.services import Services


def fingerprints(deployments: Sequence[Deployment], services: Services) -> dict[str, str]:
    """Return the fingerprint of each deployment, by its stack; nothing is compiled for it."""
    pipelines = [pipeline for deployment in deployments for pipeline in deployment.pipelines]
    images = references_of(pipelines, services.by_name)
    return {
        deployment.stack: fingerprint_of(deployment, services, images) for deployment in deployments
    }


def fingerprint_of(
    deployment: Deployment, services: Services, images: Callable[[Plan], Mapping[str, str]]
) -> str:
    """Return the fingerprint of a deployment.

    Args:
        deployment: the deployment.
        services: its platform.
        images: returns the references of a Plan's images.
    """
    plans = {plan.digest: plan for _, plan in deployment.plans()}
    used = {name: images(plan) for name, plan in plans.items() if _uses_images(plan.target)}
    project = deployment.identity
    platform: Mapping[str, Any] = {
        name: dict(service) for name, service in services.by_name.items()
    }
    rules = {name: content.digest_of(text) for name, text in rule_files(deployment).items()}
    monitor = compiled_monitor(deployment, services)
    targets = {plan.target for plan in plans.values()} - {LOCAL_TARGET}
    return digest(
        {
            "plans": sorted(plans),
            "images": used,
            "services": platform,
            "compilers": {name: _compiler(name) for name in targets},
            "project": project,
            **({"rules": rules} if rules else {}),
            **({"monitors": dict(monitor.members)} if monitor else {}),
        }
    )


@cache
def _uses_images(name: str) -> bool:
    """Tell whether what a target's files hold depends on images."""
    return name != LOCAL_TARGET and compiler_named(name).uses_images


@cache
def _compiler(name: str) -> list[str]:
    """Return the versions and the digest of the sources that decide what a target's files hold."""
    import atlas.targets

    target = target_named(name)
    module = sys.modules[target.compiler.__module__]
    own = Path(str(module.__file__))
    files = [*Path(atlas.targets.__file__).parent.glob("*.py")]
    files += own.parent.rglob("*.py") if module.__package__ else [own]
    texts = [path.read_text("utf-8") for path in sorted(files)]
    return [*map(_version, ("atlas-ml", *target.packages)), digest(texts)]


def _version(package: str) -> str:
    """Return the version of a package; empty where it isn't installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
