"""The images of a deployment: those that a release pins, or what is built now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.images import host_at, reference
from atlas.store import open_store
from atlas_deploy.desired.images import pushed_members, references_of
from atlas_deploy.platforms.services import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.plan import Pipeline, Plan
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.platforms.services import Services
    from atlas_deploy.releases.lock import ReleaseLock

_DEFAULT = "default"


def image_key(flow: str, name: str) -> str:
    """Return what a lock calls an image; ``""`` is that of steps without one."""
    return f"{flow}/{name or _DEFAULT}"


def of_flow(pipelines: Sequence[Pipeline], flow: str) -> list[Pipeline]:
    """Return pipelines with one flow only, those that have it."""
    return [
        replace(pipeline, plans={flow: pipeline.plans[flow]})
        for pipeline in pipelines
        if flow in pipeline.plans
    ]


def references_for(
    deployment: Deployment, services: Services
) -> Callable[[Plan], Mapping[str, str]]:
    """Return what gives the references of a Plan's images, by the platform's registry.

    Args:
        deployment: the deployment; one of a release has the release's images, whatever was built
            since.
        services: its platform.
    """
    release = deployment.release
    if release is None:
        return references_of(deployment.pipelines, services.by_name)
    host = host_at(services.by_name.get(REGISTRY, {}).get("workload_url", ""))
    folders = {plan.digest: pipeline.folder for pipeline, plan in deployment.plans()}

    def references(plan: Plan) -> Mapping[str, str]:
        names = ("", *sorted(plan.images))
        known = {name: _locked(release.lock, plan, name, host) for name in names}
        folder = folders[plan.digest]
        return {name: text or reference(plan, name, folder) for name, text in known.items()}

    return references


def _locked(lock: ReleaseLock, plan: Plan, name: str, host: str) -> str:
    """Return the pinned reference of an image; empty where the lock has none."""
    image = lock.images.get(image_key(plan.flow, name))
    if image is None or (name and plan.images[name].reference):
        return ""
    return f"{host}/{image.reference}" if host else image.reference


def members_for(deployment: Deployment, services: Services) -> dict[str, str]:
    """Return repository and digest of each pushed image of deployed flows, by the image's name."""
    if deployment.release is None:
        return pushed_members(deployment.pipelines, open_store(services.store))
    return locked_members(deployment)


def locked_members(deployment: Deployment) -> dict[str, str]:
    """Return repository and digest of each image of a release that its deployed flows use.

    An image that two flows mean differently has the flow's name before its own.
    """
    lock = deployment.release.lock if deployment.release else None
    flows = {flow for pipeline in deployment.deployed for flow in pipeline.plans}
    images = lock.images.items() if lock else ()
    used = {key: image.reference for key, image in images if key.partition("/")[0] in flows}
    by_name: dict[str, set[str]] = {}
    for key, text in used.items():
        by_name.setdefault(_name(key), set()).add(text)
    named = {(_name(key) if len(by_name[_name(key)]) == 1 else key): used[key] for key in used}
    return dict(sorted(named.items()))


def _name(key: str) -> str:
    return key.partition("/")[2]
