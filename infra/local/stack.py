"""The platform on one machine, put together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi

from atlas_provider.resources import Ports
from infra.local import metrics, mlflow
from infra.local.airflow import Airflow, AirflowArgs
from infra.local.containers import Containers, ContainersArgs, engine
from infra.local.mlflow import Mlflow, MlflowArgs
from infra.local.registry import SECRET, Registry, RegistryArgs
from infra.outputs import Platform, Service
from infra.services import ServiceData, program_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.settings import Settings

# Chosen together beforehand, so that services that know each other's addresses start at once.
_PORTS = ("airflow", "mlflow", "prometheus", "pushgateway", "alertmanager", "registry")
Services = dict[str, pulumi.Output[Service]]


def build(settings: Settings) -> pulumi.Output[Platform]:
    """Declare the platform's resources; return its outputs."""
    ports = Ports("ports", names=list(_PORTS)).ports
    registry = _registry(settings, ports)
    services = {
        **_metrics(settings, ports),
        **_mlflow(settings, ports),
        **_airflow(settings, ports, _containers(settings, ports, registry)),
        **(_as_service(registry) if registry else {}),
        **_folders(settings),
    }
    return pulumi.Output.all(**services).apply(
        lambda found: Platform(stack=settings.stack, target=settings.target, services=found)
    )


def _port(ports: pulumi.Output[Mapping[str, int]], name: str) -> pulumi.Output[int]:
    """Return one of the chosen ports."""
    return ports.apply(lambda chosen: int(chosen[name]))


def _url(ports: pulumi.Output[Mapping[str, int]], name: str) -> pulumi.Output[str]:
    """Return the address that a service has on its chosen port, before it is there."""
    return ports.apply(lambda chosen: f"http://127.0.0.1:{int(chosen[name])}")


def _metrics(settings: Settings, ports: pulumi.Output[Mapping[str, int]]) -> Services:
    """Declare Prometheus with what belongs to it."""
    found = {name: ServiceData.load(name) for name in ("prometheus", "pushgateway")}
    programs = {name: service.required_program() for name, service in found.items()}
    alertmanager = ServiceData.load("alertmanager").program() if settings.alertmanager else None
    declared = {
        "prometheus": metrics.prometheus_command(programs["prometheus"]),
        "pushgateway": metrics.pushgateway_command(programs["pushgateway"]),
    }
    if alertmanager is not None:
        declared["alertmanager"] = metrics.alertmanager_command(alertmanager)
    files: dict[str, pulumi.Input[Mapping[str, pulumi.Input[str]]]] = {
        "prometheus": ports.apply(
            lambda chosen: metrics.prometheus_files(chosen, alertmanager=alertmanager is not None)
        ),
        "alertmanager": {"alertmanager.yml": metrics.alertmanager_config()},
    }
    return {
        name: _server(name, settings, _port(ports, name), command, files.get(name, {}))
        for name, command in declared.items()
    }


def _server(
    name: str,
    settings: Settings,
    port: pulumi.Output[int],
    command: list[str],
    files: pulumi.Input[Mapping[str, pulumi.Input[str]]],
) -> pulumi.Output[Service]:
    """Declare one server of the Prometheus family."""
    args = metrics.ServerArgs(
        folder=str(settings.folder),
        vault=str(settings.vault),
        command=command,
        port=port,
        files=files,
    )
    version = program_version(command[0])
    return metrics.Server(name, args).url.apply(
        lambda url: Service.at(name, url, credentials=name, version=version)
    )


def _mlflow(settings: Settings, ports: pulumi.Output[Mapping[str, int]]) -> Services:
    """Declare MLflow."""
    version = ServiceData.load("mlflow").installed_version()
    mlflow.require_app()
    args = MlflowArgs(
        folder=str(settings.folder),
        vault=str(settings.vault),
        python=settings.python,
        port=_port(ports, "mlflow"),
        version=version,
    )
    url = Mlflow("mlflow", args).url
    service = url.apply(
        lambda url: Service.at("mlflow", url, credentials=mlflow.SECRET, version=version)
    )
    return {"mlflow": service}


def _airflow(
    settings: Settings,
    ports: pulumi.Output[Mapping[str, int]],
    containers: Mapping[str, pulumi.Input[str]],
) -> Services:
    """Declare Airflow, whose tasks are given what they run containers with."""
    version = ServiceData.load("airflow").installed_version()
    args = AirflowArgs(
        folder=str(settings.folder),
        vault=str(settings.vault),
        python=settings.python,
        port=_port(ports, "airflow"),
        version=version,
        parallelism=settings.parallelism,
        environment={**_task_environment(settings, ports), **containers},
    )
    airflow = Airflow("airflow", args)
    return {
        "airflow": airflow.url.apply(
            lambda url: Service.at(
                "airflow", url, credentials="airflow", version=version, tasks=settings.tasks
            )
        ),
        "dags": airflow.dags.apply(
            lambda folder: Service.at("folder", Path(folder).as_uri(), versioned=False)
        ),
    }


def _registry(settings: Settings, ports: pulumi.Output[Mapping[str, int]]) -> Registry | None:
    """Declare the registry of images, where its program is installed."""
    program = ServiceData.load("registry").program() if settings.registry else None
    if program is None:
        return None
    args = RegistryArgs(
        folder=str(settings.folder),
        vault=str(settings.vault),
        program=program,
        port=_port(ports, "registry"),
    )
    return Registry("registry", args)


def _as_service(registry: Registry) -> Services:
    """Return the registry as a service."""
    version = program_version(ServiceData.load("registry").program() or "")
    return {
        "registry": registry.url.apply(
            lambda url: Service.at("registry", url, credentials=SECRET, version=version)
        )
    }


def _containers(
    settings: Settings, ports: pulumi.Output[Mapping[str, int]], registry: Registry | None
) -> dict[str, pulumi.Input[str]]:
    """Return the variables by which Airflow's tasks run containers, where they do.

    Raises:
        pulumi.RunError: there is no engine, or no registry that it can pull from.
    """
    if settings.tasks != "docker":
        return {}
    if registry is None:
        raise pulumi.RunError(
            "atlas:tasks: found 'docker', which pulls images from the platform's registry, and "
            "there is none; `atlas doctor` tells how to get its program, or set it to 'process'"
        )
    host = ports.apply(lambda chosen: f"127.0.0.1:{int(chosen['registry'])}")
    found: dict[str, pulumi.Input[str]] = {
        "ATLAS_REGISTRY": host,
        "DOCKER_CONFIG": registry.directory,
    }
    if engine() == "docker":
        return found
    args = ContainersArgs(
        folder=str(settings.folder),
        state=str(settings.state),
        python=settings.python,
        registry=host,
    )
    return {**found, "DOCKER_HOST": Containers("containers", args).host}


def _task_environment(
    settings: Settings, ports: pulumi.Output[Mapping[str, int]]
) -> dict[str, pulumi.Input[str]]:
    """Return the variables by which steps learn of the platform."""
    return {
        "ATLAS_STORE": settings.store,
        "ATLAS_MLFLOW_URL": _url(ports, "mlflow"),
        "ATLAS_MLFLOW_CREDENTIALS": str(settings.vault / f"{mlflow.SECRET}.json"),
        "ATLAS_PUSHGATEWAY_URL": _url(ports, "pushgateway"),
        "ATLAS_PUSHGATEWAY_CREDENTIALS": str(settings.vault / "pushgateway.json"),
        "ATLAS_STATE": str(settings.state),
        "ATLAS_PYTHON": settings.python,
        "ATLAS_UMASK": f"{settings.umask:03o}",
    }


def _folders(settings: Settings) -> Services:
    """Return what is no process: the artifact store, the secrets, and Kubeflow's packages."""
    version = ServiceData.load("kubeflow").installed_version()
    store = settings.store.rstrip("/")
    found = {
        "store": Service.at(urlsplit(store).scheme, store),
        "secrets": Service.at("folder", settings.vault.as_uri()),
        "kubeflow": Service.at("kfp.local", f"{store}/kubeflow", version=version),
    }
    return {name: pulumi.Output.from_input(service) for name, service in found.items()}
