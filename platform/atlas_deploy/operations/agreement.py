"""Whether a release is what planning gives here, and whether the platform has what it pins."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.config import FLOWS
from atlas.errors import DeployError
from atlas.images import desired_images, present
from atlas_deploy.desired.locked import image_key, locked_members, of_flow
from atlas_deploy.operations.pinning import DISTRIBUTION, opened_models
from atlas_deploy.platforms.services import REGISTRY, services_of
from atlas_deploy.releases import pins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.plan import Pipeline
    from atlas.tracking.registry import ModelRegistry
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.releases.lock import ReleaseLock
    from atlas_deploy.releases.tags import Release

_SHOWN = 12


def require_agreement(release: Release, environment: str, pipelines: Sequence[Pipeline]) -> None:
    """Compare the lock with what planning gives here.

    Raises:
        DeployError: L011, they differ.
    """
    differences = [*_differences(release.lock, environment, pipelines)]
    if differences:
        raise differs(release, differences)


def _differences(
    lock: ReleaseLock, environment: str, pipelines: Sequence[Pipeline]
) -> Iterator[str]:
    here = version(DISTRIBUTION)
    if here != lock.atlas:
        yield (
            f"Atlas: found version {here}, expected {lock.atlas}; install atlas-ml=={lock.atlas}"
        )
    if environment not in lock.plans:
        known = ", ".join(sorted(lock.plans))
        yield f"environment: found {environment}, expected one of {known}, which it is made for"
        return
    expected, found = lock.plans[environment], pins.digests(pipelines)
    for name in sorted({*expected, *found}):
        flows = (expected.get(name, {}), found.get(name, {}))
        yield from _flow_differences(name, *flows)
    yield from _tag_differences(lock, pipelines)


def _flow_differences(
    name: str, expected: Mapping[str, str], found: Mapping[str, str]
) -> Iterator[str]:
    for flow in FLOWS:
        there, here = expected.get(flow, ""), found.get(flow, "")
        if there != here:
            yield (
                f"Plan of {name} {flow}: found {here[:12] or 'none'}, "
                f"expected {there[:12] or 'none'}"
            )


def _tag_differences(lock: ReleaseLock, pipelines: Sequence[Pipeline]) -> Iterator[str]:
    for flow in FLOWS:
        for image in desired_images(of_flow(pipelines, flow)):
            key = image_key(flow, image.name)
            locked = lock.images.get(key)
            if locked is not None and locked.tag != image.tag:
                yield f"image {key}: found content {image.tag}, expected {locked.tag}"


def differs(release: Release, differences: Sequence[str]) -> DeployError:
    """Return the error of a release that isn't what its commit gives here, a line each way."""
    more = len(differences) - _SHOWN
    lines = [*differences[:_SHOWN], *([f"and {more} more differences"] if more > 0 else [])]
    return DeployError(
        f"{release.name}: what its commit gives here isn't what was released; nothing is "
        "deployed:\n  " + "\n  ".join(lines),
        code="L011",
    )


def require_platform(release: Release, deployment: Deployment) -> None:
    """Refuse a release whose images or model versions the platform doesn't have.

    Raises:
        DeployError: L012 or L013, it doesn't have them.
        PlatformError: the registry of images or of models doesn't answer.
    """
    services = services_of(deployment.project, deployment.environment)
    members = locked_members(deployment)
    if members and services.has(REGISTRY):
        registry = services.registry()
        gone = sorted({*members.values()} - present(registry, members.values()))
        if gone:
            raise DeployError(
                f"{release.name}: registry {registry.host} hasn't got {', '.join(gone)}; expected "
                "the released images, by their digests, which are never built again; copy them "
                "from the registry that has them, such as with `skopeo copy`",
                code="L012",
            )
    used = [entry for entry in deployment.pipelines if entry.name in release.lock.models]
    if used:
        with opened_models(used[0]) as models:
            _require_models(release, used, models.registry)


def _require_models(
    release: Release, pipelines: Sequence[Pipeline], registry: ModelRegistry
) -> None:
    environment = pipelines[0].environment.name
    lines = []
    for pipeline in pipelines:
        locked = release.lock.models[pipeline.name]
        registered = registry.find(locked.name, locked.version)
        found = registered.resolved().digest if registered else ""
        if found != locked.digest:
            what = f"one with digest {found[:12]}" if found else "no such version"
            expected = f"expected version {locked.version} with digest {locked.digest[:12]}"
            lines.append(f"model {locked.name} of {pipeline.name}: found {what}, {expected}")
    if lines:
        raise DeployError(
            f"{release.name}: the registry of environment {environment} hasn't got its model "
            "versions; deploy to an environment whose registry has them, or pin those of this "
            f"one: {command('release')}:\n  " + "\n  ".join(lines[:_SHOWN]),
            code="L013",
        )
