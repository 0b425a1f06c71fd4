"""Which launcher a platform's Kubeflow takes: of its API server, or of `kfp.local`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import TargetError
from atlas.targets.kubeflow.compiler import IN_PROCESSES, LOCAL_KIND, has_api_server

if TYPE_CHECKING:
    from atlas.targets.launcher import Launcher, LaunchSite

_KIND = "KubeflowPipelines"


def launcher_at(site: LaunchSite) -> Launcher:
    """Return the launcher for a platform.

    Raises:
        DeployError: I201, an image that steps need is gone from the registry.
        TargetError: what is deployed is to run, and there is no API server that has it.
    """
    if has_api_server(site.services.get("kubeflow", {}).get("kind", LOCAL_KIND)):
        return _on_server(site)
    return _here(site)


def _on_server(site: LaunchSite) -> Launcher:
    from atlas.targets.kubeflow.launcher import KubeflowLauncher
    from atlas.targets.kubeflow.server_pipelines import api_of

    service, secrets = site.services["kubeflow"], site.services.get("secrets", {})
    in_images = service.get("tasks") != IN_PROCESSES
    if in_images and not site.deployed and not site.published:
        site.require_images()
    named = {
        "kubeflow": service["url"].rstrip("/"),
        "credentials": service["credentials"],
        "secrets": secrets.get("url"),
        "namespace": service.get("namespace"),
    }
    return KubeflowLauncher(
        api_of(named),
        site.store,
        site.images,
        site.origin_of,
        lambda plan: site.deployed_of(plan, _KIND),
        site.deployed,
        site.published,
        in_images,
    )


def _here(site: LaunchSite) -> Launcher:
    from atlas.targets.kubeflow.local import LocalKubeflow

    if site.deployed and not site.published:
        raise TargetError(
            "--deployed: this platform's Kubeflow has no API server, so nothing is deployed to it; "
            "leave out --deployed to run what the sources say"
        )
    project = site.pipelines[0].project
    return LocalKubeflow(project.state, project.root, site.store, site.local_images, site.origin_of)
