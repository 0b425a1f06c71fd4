"""Where the resources of a deployment find the platform: their inputs that are addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_deploy.platforms.services import REGISTRY

if TYPE_CHECKING:
    from atlas_deploy.platforms.services import Services

KINDS = {"kubeflow": "KubeflowPipelines", "airflow": "AirflowDags"}
"""Target → kind of resource."""


def addresses(kind: str, services: Services) -> dict[str, str]:
    """Return the inputs by which a resource of a kind finds the platform."""
    if kind == "StepImages":
        return images_inputs(services)
    target = next((target for target, of in KINDS.items() if of == kind), "")
    return target_inputs(services, target) if target else mlflow_inputs(services)


def target_inputs(services: Services, target: str) -> dict[str, str]:
    """Return the inputs by which a resource finds the platform."""
    if target == "kubeflow":
        return {"store": services.store, **_api_server(services)}
    return {
        "store": services.store,
        "dags": services.url("dags"),
        "airflow": services.url("airflow"),
        "secrets": services.url("secrets"),
        "credentials": services.credentials("airflow"),
    }


def _api_server(services: Services) -> dict[str, str]:
    """Return the inputs by which a resource finds Kubeflow's API server, where there is one."""
    if not has_api_server(services):
        return {}
    of = {"namespace": services.namespace} if services.namespace else {}
    return {"kubeflow": services.url("kubeflow"), **of, **services.opened("kubeflow")}


def images_inputs(services: Services) -> dict[str, str]:
    """Return the inputs by which the resource of images finds the platform."""
    found = {"store": services.store, "registry": services.url(REGISTRY)}
    return {**found, **services.opened(REGISTRY)}


def mlflow_inputs(services: Services) -> dict[str, str]:
    """Return the inputs by which a resource finds MLflow, with the secret that opens it."""
    return {"mlflow": services.url("mlflow"), **services.opened("mlflow")}


def has_api_server(services: Services) -> bool:
    """Tell whether the platform's Kubeflow is an API server, and not `kfp.local` over the store."""
    return services.kind("kubeflow") != "kfp.local"
