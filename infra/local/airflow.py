"""Airflow on this machine, in its four parts, over SQLite."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from atlas_provider.resources import Database, Process
from infra.local import containers, kubeflow_parts, mlflow
from infra.outputs import ServiceOutput
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.services import LocalPlatform
    from infra.settings import Settings

PARTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    # Logs are on this machine's disk: no server for them, which would listen on every interface.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
# What `/monitor/health` calls the parts.
_REPORTED = {
    "scheduler": "scheduler",
    "dag-processor": "dag_processor",
    "triggerer": "triggerer",
}
_QUIET = {"SCARF_ANALYTICS": "false", "DO_NOT_TRACK": "1"}
_IGNORED_DAGS = "# Files that are being written, and hidden ones.\n.*\n*.tmp\n"
_HEALTH_SECONDS = 240
# Airflow and its tasks end within a second or two; what couldn't, the next scheduler takes over.
_STOP_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AirflowArgs:
    """What Airflow needs.

    Attributes:
        folder: the platform's folder.
        vault: the folder of the secrets.
        python: the interpreter.
        port: the port of its API server.
        version: its version; another one migrates the database and restarts the parts.
        parallelism: how many tasks run at a time.
        tasks: how a step runs, ``process``, ``docker`` or ``kubernetes``.
        environment: variables that every task gets.
    """

    folder: pulumi.Input[str]
    vault: pulumi.Input[str]
    python: pulumi.Input[str]
    port: pulumi.Input[int]
    version: str
    parallelism: int
    tasks: str
    environment: Mapping[str, pulumi.Input[str]]


class Airflow(pulumi.ComponentResource):
    """Airflow: its configuration and database first, then its four parts at once.

    Attributes:
        url: address of its API server.
        dags: the folder that it takes DAG files from.
        services: what it adds to the platform's outputs.
    """

    url: pulumi.Output[str]
    dags: pulumi.Output[str]

    def __init__(
        self, name: str, args: AirflowArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the migration and the parts."""
        super().__init__("atlas:local:Airflow", name, None, opts)
        port = pulumi.Output.from_input(args.port)
        python = pulumi.Output.from_input(args.python)
        parts = {part: f"{name}-{part}" for part in PARTS}
        home = Database(
            f"{name}-database",
            program=name,
            folder=args.folder,
            file="airflow.db",
            users=list(parts.values()),
            vault=args.vault,
            command=python.apply(lambda path: command(path, "db", "migrate")),
            environment={
                **_QUIET,
                "AIRFLOW_HOME": "{dir}",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:///{dir}/airflow.db.draft",
                "ATLAS_SERVICE_VERSION": args.version,
            },
            files={
                "airflow.cfg": port.apply(lambda port: config(port, args.parallelism)),
                "passwords.json": '{"{secret:airflow.username}": "{secret:airflow}"}\n',
                "dags/.airflowignore": _IGNORED_DAGS,
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        variables = {
            **_QUIET,
            **args.environment,
            "AIRFLOW_HOME": home.directory,
            # With another configuration or database these differ, and the parts restart.
            "ATLAS_SERVICE_CONFIG": home.content,
            "ATLAS_SERVICE_DATABASE": home.generation.apply(str),
        }
        for part, words in PARTS.items():
            Process(
                parts[part],
                folder=args.folder,
                command=python.apply(partial(_part_command, words)),
                environment=variables,
                ports={"http": args.port} if part == "api-server" else {},
                health=port.apply(health),
                health_expect=expectation(part),
                health_timeout=_HEALTH_SECONDS,
                stop_grace=_STOP_SECONDS,
                # A task that is stopped reports to the API server how it ended.
                stop_after=[parts["scheduler"]] if part == "api-server" else None,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.url = port.apply(address)
        self.dags = home.directory.apply(lambda directory: f"{directory}/dags")
        self.services: Mapping[str, pulumi.Output[ServiceOutput]] = {
            "airflow": self.url.apply(
                lambda url: ServiceOutput.at(
                    "airflow", url, credentials="airflow", version=args.version, tasks=args.tasks
                )
            ),
            "dags": self.dags.apply(
                lambda folder: ServiceOutput.at("folder", Path(folder).as_uri(), versioned=False)
            ),
        }
        self.register_outputs({"url": self.url, "dags": self.dags})


def declare(platform: LocalPlatform) -> Airflow:
    """Declare Airflow, with what its tasks need to know of the platform.

    Raises:
        pulumi.RunError: it isn't installed beside Atlas, or its tasks can't run as they should.
    """
    settings = platform.settings
    args = AirflowArgs(
        folder=str(settings.folder),
        vault=str(settings.vault),
        python=settings.python,
        port=platform.port("airflow"),
        version=ServiceData.load("airflow").installed_version(),
        parallelism=settings.parallelism,
        tasks=settings.tasks,
        environment={
            **_task_environment(platform),
            **_monitor_environment(platform),
            **containers.environment(platform),
            **_pods_environment(platform),
        },
    )
    return Airflow("airflow", args)


def _task_environment(platform: LocalPlatform) -> dict[str, pulumi.Input[str]]:
    """Return the variables by which steps know the platform."""
    settings = platform.settings
    return {
        "ATLAS_STORE": settings.store,
        **_spoken_to(platform, "mlflow", mlflow.SECRET),
        **_spoken_to(platform, "pushgateway", "pushgateway"),
        **_openlineage(settings),
        "ATLAS_STATE": str(settings.state),
        "ATLAS_PYTHON": settings.python,
        "ATLAS_UMASK": f"{settings.umask:03o}",
    }


def _spoken_to(platform: LocalPlatform, name: str, secret: str) -> dict[str, pulumi.Input[str]]:
    """Return the variables by which steps speak to a service, where the platform has it."""
    if not platform.is_wanted(name):
        return {}
    return {
        f"ATLAS_{name.upper()}_URL": platform.url(name),
        f"ATLAS_{name.upper()}_CREDENTIALS": str(platform.settings.vault / f"{secret}.json"),
    }


def _monitor_environment(platform: LocalPlatform) -> dict[str, pulumi.Input[str]]:
    """Return the variables by which the tasks of monitors start training here.

    Containers of steps aren't given them.
    """
    return {
        "ATLAS_AIRFLOW_URL": platform.port("airflow").apply(address),
        "ATLAS_AIRFLOW_CREDENTIALS": str(platform.settings.vault / "airflow.json"),
    }


def _pods_environment(platform: LocalPlatform) -> dict[str, pulumi.Input[str]]:
    """Return the variables by which Airflow's tasks are pods, where they are; a wait is deferred.

    Raises:
        pulumi.RunError: the platform has no Kubernetes.
    """
    if platform.settings.tasks != "kubernetes":
        return {}
    if platform.settings.kubeflow != "cluster":
        raise pulumi.RunError(
            "atlas:tasks: found 'kubernetes', and no cluster on this machine; expected "
            "atlas:kubeflow: cluster beside it, or 'process' or 'docker'"
        )
    from infra.local.kubeflow_cluster import KubeflowCluster

    kubeflow = platform.service("kubeflow")
    assert isinstance(kubeflow, KubeflowCluster)  # noqa: S101 - the setting says so
    return {
        "KUBECONFIG": kubeflow.kubeconfig,
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": connection(),
        "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "true",
    }


def connection() -> str:
    """Return the connection by which tasks are made pods: where, `KUBECONFIG` says."""
    extra = {"namespace": kubeflow_parts.TASKS}
    return json.dumps({"conn_type": "kubernetes", "extra": extra})


def _openlineage(settings: Settings) -> dict[str, str]:
    """Return the variables by which steps know who takes OpenLineage events, if anybody does."""
    secret = settings.openlineage_secret
    path = str(settings.vault / f"{secret}.json") if secret else ""
    known = {"URL": settings.openlineage, "CREDENTIALS": path if settings.openlineage else ""}
    return {f"ATLAS_OPENLINEAGE_{name}": value for name, value in known.items() if value}


def command(python: str, *words: str) -> list[str]:
    """Return a command of Airflow's."""
    return [python, "-m", "airflow", *words]


def _part_command(words: tuple[str, ...], python: str) -> list[str]:
    """Return the command of a part, which ends as soon as Airflow has."""
    return [python, "-m", "atlas_provider.quick_exit", "airflow", *words]


def address(port: int) -> str:
    """Return the address of the API server."""
    return f"http://127.0.0.1:{int(port)}"


def health(port: int) -> str:
    """Return the address at which Airflow reports on its parts."""
    return f"{address(port)}/api/v2/monitor/health"


def expectation(part: str) -> dict[str, str]:
    """Return what Airflow has to report of a part: it is well, by a heartbeat since its start."""
    if part not in _REPORTED:
        return {"metadatabase.status": "healthy"}
    reported = _REPORTED[part]
    return {f"{reported}.status": "healthy", f"{reported}.latest_{reported}_heartbeat": "fresh"}


def config(port: int, parallelism: int) -> str:
    """Return Airflow's configuration."""
    values = {"port": int(port), "url": address(port), "parallelism": parallelism}
    return ServiceData.load("airflow").template("airflow.cfg", values)
