"""Kubeflow on this machine: compiled packages in the artifact store, which `kfp.local` runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.outputs import ServiceOutput
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.kubeflow_cluster import KubeflowCluster
    from infra.local.services import LocalPlatform


@dataclass(frozen=True, slots=True)
class Kubeflow:
    """The folder of compiled packages; no process runs.

    Attributes:
        services: what it adds to the platform's outputs.
    """

    services: Mapping[str, ServiceOutput]


def declare(platform: LocalPlatform) -> Kubeflow | KubeflowCluster:
    """Declare Kubeflow: with a Kubernetes of its own, where the settings say so.

    Raises:
        pulumi.RunError: this machine can't have that.
    """
    if platform.settings.kubeflow == "cluster":
        from infra.local import kubeflow_cluster

        return kubeflow_cluster.declare(platform)
    version = ServiceData.load("kubeflow").installed_version()
    folder = f"{platform.settings.store.rstrip('/')}/kubeflow"
    return Kubeflow({"kubeflow": ServiceOutput.at("kfp.local", folder, version=version)})
