"""What Atlas knows of Airflow; what it names is imported when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.targets.descriptor import DeployedKind, MonitorTarget, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.kinds.protocol import Kind
    from atlas.targets.descriptor import CompileSite
    from atlas.targets.launcher import Launcher, LaunchSite
    from atlas.targets.monitors import Monitor
    from atlas.targets.operations import Operations
    from atlas.targets.protocol import Compiler


def _compiler(site: CompileSite) -> Compiler:
    from atlas.targets.airflow.compiler import compiler_at

    return compiler_at(site)


def _launcher(site: LaunchSite) -> Launcher:
    from atlas.targets.airflow.launcher import launcher_at

    return launcher_at(site)


def _handler() -> Kind[Any, Any]:
    from atlas.targets.airflow.resource import AirflowDagsKind

    return AirflowDagsKind()


def _operations() -> Operations:
    from atlas.targets.airflow.operations import AirflowOperations

    return AirflowOperations()


def _monitor_file(monitor: Monitor, site: CompileSite) -> Mapping[str, bytes]:
    from atlas.targets.airflow.monitor import compile_monitor

    return compile_monitor(monitor, site)


def _uses_image(site: CompileSite) -> bool:
    from atlas.targets.airflow.monitor import uses_image

    return uses_image(site)


def _has_place(services: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a platform has an Airflow, and a folder that it takes DAGs from."""
    return "airflow" in services and "dags" in services


def _monitor_handler() -> Kind[Any, Any]:
    from atlas.targets.airflow.monitor_resource import RetrainingMonitorKind

    return RetrainingMonitorKind()


def _monitor_operations() -> Operations:
    from atlas.targets.airflow.monitor_operations import MonitorOperations

    return MonitorOperations()


_ADDRESSES = frozenset({"store", "dags", "airflow", "secrets", "credentials", "dagsCredentials"})
TARGET = Target(
    name="airflow",
    title="Airflow",
    compiler=_compiler,
    launcher=_launcher,
    deployed=DeployedKind(
        name="AirflowDags",
        noun="Airflow DAG",
        owned_as="dags",
        addresses=_ADDRESSES,
        handler=_handler,
        operations=_operations,
    ),
    monitor=MonitorTarget(
        target="airflow",
        kind=DeployedKind(
            name="RetrainingMonitor",
            noun="retraining monitor",
            owned_as="dags",
            addresses=_ADDRESSES,
            handler=_monitor_handler,
            operations=_monitor_operations,
            is_per_pipeline=False,
        ),
        is_on=_has_place,
        uses_image=_uses_image,
        compile=_monitor_file,
    ),
)
