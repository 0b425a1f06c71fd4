"""The launcher of each target, on the platform of the pipelines' Environment."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from atlas.advice import bring_up
from atlas.errors import PlatformError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.plan import Pipeline, Plan
    from atlas.store import Store
    from atlas.targets.kubeflow.launcher import Deployed
    from atlas.targets.launcher import Launcher

LOCAL_KUBEFLOW = "kfp.local"
"""What a platform calls a Kubeflow that has no API server."""
_IN_IMAGES = ("docker", "kubernetes")
"""How an Airflow runs a step that needs an image; one that is gone is told before a start."""


def launcher(
    target: str,
    pipelines: Sequence[Pipeline],
    services: Mapping[str, Any],
    store: Store,
    say: Callable[[str], None],
    *,
    deployed: bool = False,
) -> Launcher:
    """Return what runs Plans on a target.

    Args:
        target: ``kubeflow`` or ``airflow``.
        pipelines: the pipelines that are to run, of one Environment.
        services: those of its platform; none where it isn't up.
        store: the artifact store.
        say: takes a line of progress.
        deployed: whether to run what is deployed, whatever the sources have become since.

    Raises:
        DeployError: I201, an image that steps need is gone from the registry.
        PlatformError: the platform has no such service.
        TargetError: no orchestrator is called so, or nothing is deployed where it runs.
    """
    if target == "airflow":
        return _airflow(pipelines, services, store, deployed=deployed)
    if target != "kubeflow":
        raise TargetError(f"nothing runs elsewhere for target '{target}'")
    if services.get("kubeflow", {}).get("kind", LOCAL_KUBEFLOW) == LOCAL_KUBEFLOW:
        return _local_kubeflow(pipelines, store, say, deployed=deployed)
    return _kubeflow(pipelines, services, store, deployed=deployed)


def _airflow(
    pipelines: Sequence[Pipeline], services: Mapping[str, Any], store: Store, *, deployed: bool
) -> Launcher:
    from atlas.targets.airflow.dag_runs import AirflowRunsApi
    from atlas_deploy.desired.images import require_images
    from atlas_deploy.training.airflow import AirflowLauncher

    service, secrets = services.get("airflow"), services.get("secrets")
    if not service or not secrets:
        named = pipelines[0].environment
        name = named.outputs or named.platform
        raise PlatformError(f"platform {name}: has no Airflow, or isn't up; {bring_up()}")
    if service.get("tasks") in _IN_IMAGES and not deployed:
        require_images(pipelines)
    airflow = AirflowRunsApi(
        service["url"].rstrip("/"), secrets["url"], service["credentials"] or ""
    )
    return AirflowLauncher(airflow, store, deployed)


def _kubeflow(
    pipelines: Sequence[Pipeline], services: Mapping[str, Any], store: Store, *, deployed: bool
) -> Launcher:
    from atlas.targets.kubeflow.launcher import KubeflowLauncher
    from atlas.targets.kubeflow.server_pipelines import api_of
    from atlas_deploy.desired.images import references_of, require_images
    from atlas_deploy.desired.origins import origin_of

    if not deployed:
        require_images(pipelines)
    service, secrets = services["kubeflow"], services.get("secrets", {})
    named = {
        "credentials": service["credentials"],
        "secrets": secrets.get("url"),
        "namespace": service.get("namespace"),
    }
    api = api_of({"kubeflow": service["url"].rstrip("/"), **named})
    return KubeflowLauncher(
        api,
        store,
        references_of(pipelines),
        origin_of(pipelines),
        lambda plan: _deployed(store, plan),
        deployed,
    )


def _deployed(store: Store, plan: Plan) -> Deployed | None:
    """Return what the last deployment has put on Kubeflow under a Plan's name."""
    from atlas.targets import deployed_name
    from atlas.targets.kubeflow.launcher import Deployed
    from atlas_deploy.history import records

    entry = records.last(store.place, f"{plan.config}.{plan.environment}")
    parts = records.read(store.place, entry).parts if entry and entry.record else ()
    name = deployed_name(plan)
    found = (
        Deployed(part.inputs["plans"][name], part.inputs["members"][name])
        for part in parts
        if part.kind == "KubeflowPipelines" and name in part.inputs["members"]
    )
    return next(found, None)


def _local_kubeflow(
    pipelines: Sequence[Pipeline], store: Store, say: Callable[[str], None], *, deployed: bool
) -> Launcher:
    from atlas.targets.kubeflow.local import LocalKubeflow
    from atlas_deploy.desired.origins import origin_of

    project = pipelines[0].project
    if deployed:
        raise TargetError(
            "--deployed: this platform's Kubeflow has no API server, so nothing is deployed to it; "
            "leave out --deployed to run what the sources say"
        )
    images = _engine_images(pipelines, say)
    return LocalKubeflow(project.state, project.root, store, images, origin_of(pipelines))


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
