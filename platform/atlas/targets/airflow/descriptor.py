"""What Atlas knows of Airflow; what it names is imported when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.targets.descriptor import DeployedKind, Target

if TYPE_CHECKING:
    from atlas.kinds.protocol import Kind
    from atlas.targets.descriptor import CompileSite
    from atlas.targets.launcher import Launcher, LaunchSite
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


TARGET = Target(
    name="airflow",
    title="Airflow",
    compiler=_compiler,
    launcher=_launcher,
    deployed=DeployedKind(
        name="AirflowDags",
        noun="Airflow DAG",
        owned_as="dags",
        addresses=frozenset({"store", "dags", "airflow", "secrets", "credentials"}),
        handler=_handler,
        operations=_operations,
    ),
)
