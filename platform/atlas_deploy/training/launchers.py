"""The launcher of a target, on the platform of the pipelines' Environment."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from atlas.errors import TargetError
from atlas.registered import LOCAL_TARGET
from atlas.targets import deployed_name, target_named
from atlas.targets.launcher import DeployedMember, LaunchSite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.plan import Pipeline, Plan
    from atlas.store import Store
    from atlas.targets.descriptor import Target
    from atlas.targets.launcher import Launcher


def launcher(
    target: str,
    pipelines: Sequence[Pipeline],
    services: Mapping[str, Any],
    store: Store,
    say: Callable[[str], None],
    *,
    deployed: bool = False,
    published: bool = False,
) -> Launcher:
    """Return what runs Plans on a target.

    Args:
        target: the target's name.
        pipelines: the pipelines that are to run, of one Environment.
        services: those of its platform; none where it isn't up.
        store: the artifact store.
        say: takes a line of progress.
        deployed: whether to run what is deployed, whatever the sources have become since.
        published: whether to run Plans as they were published before (`LaunchSite.published`).

    Raises:
        DeployError: I201, an image that steps need is gone from the registry.
        PlatformError: the platform has no such service, or a process of it doesn't run here.
        TargetError: no orchestrator is called so, Atlas starts no runs on it, or nothing is
            deployed where it runs.
    """
    from atlas_deploy.desired.images import references_of, require_images
    from atlas_deploy.desired.origins import origin_of

    descriptor = target_named(target) if target != LOCAL_TARGET else None
    if descriptor is None or descriptor.launcher is None:
        raise TargetError(f"target {target}: Atlas starts no runs on it; expected another target")
    _require_running(descriptor, pipelines[0], services)
    return descriptor.launcher(
        LaunchSite(
            pipelines=pipelines,
            services=services,
            store=store,
            deployed=deployed,
            published=published,
            images=references_of(pipelines),
            local_images=_engine_images(pipelines, say),
            require_images=lambda: require_images(pipelines),
            origin_of=origin_of(pipelines),
            deployed_of=lambda plan, kind: _deployed(store, plan, kind),
        )
    )


def _require_running(target: Target, pipeline: Pipeline, services: Mapping[str, Any]) -> None:
    """Refuse a platform of this machine of which a process doesn't run: runs would wait for it.

    Raises:
        PlatformError: the orchestrator's API may answer, and nothing would ever run.
    """
    from atlas_deploy.platforms import lifecycle
    from atlas_deploy.platforms.services import Services

    environment = pipeline.environment
    if target.deployed is None or environment.outputs:
        return
    dead = lifecycle.dead(pipeline.project.state, environment.platform)
    if dead:
        known = Services(environment.platform, services)
        target.deployed.operations().require_running(dead, known)


def _deployed(store: Store, plan: Plan, kind: str) -> DeployedMember | None:
    """Return what the last deployment has put under a Plan's name, as a resource of a kind."""
    from atlas_deploy.history import records

    entry = records.last(store.location, f"{plan.config}.{plan.environment}")
    parts = records.read(store.location, entry).parts if entry and entry.record else ()
    name = deployed_name(plan)
    members = (
        DeployedMember(part.inputs["plans"][name], part.inputs["members"][name])
        for part in parts
        if part.kind == kind and name in part.inputs["members"]
    )
    return next(members, None)


def _engine_images(
    pipelines: Sequence[Pipeline], say: Callable[[str], None]
) -> Callable[[Plan], Mapping[str, str]]:
    """Return what gives the engine's names of a Plan's images, built once where they aren't."""

    @cache
    def built() -> Mapping[tuple[str, str], str]:
        from atlas_deploy.desired.runner_images import runner_images

        return runner_images(pipelines, say).references

    return lambda plan: {
        name: of for (digest, name), of in built().items() if digest == plan.digest
    }
