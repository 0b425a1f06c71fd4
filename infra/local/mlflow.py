"""MLflow on this machine: its database, then its tracking server over it, for one user."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from atlas_provider.resources import Database, Process
from infra.outputs import ServiceOutput
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.local.services import LocalPlatform

SECRET = "mlflow"  # noqa: S105 - a secret's name
"""The name of the secret that opens it."""
APP = "atlas"
# Without job execution the server is 1 process instead of 9.
ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
USERS = {
    "MLFLOW_AUTH_CONFIG_PATH": "{dir}/basic_auth.ini",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "{secret:mlflow-sessions}",
    # A route that MLflow has no rule for is closed.
    "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowArgs:
    """What the server needs.

    Attributes:
        folder: the platform's folder.
        vault: the folder of the secrets.
        python: the interpreter.
        port: the port it listens on.
        version: its version; another one restarts it.
    """

    folder: pulumi.Input[str]
    vault: pulumi.Input[str]
    python: pulumi.Input[str]
    port: pulumi.Input[int]
    version: str


class Mlflow(pulumi.ComponentResource):
    """The tracking server and model registry.

    Attributes:
        url: its address.
        services: what it adds to the platform's outputs.
    """

    url: pulumi.Output[str]

    def __init__(
        self, name: str, args: MlflowArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the database and the server's process."""
        super().__init__("atlas:local:Mlflow", name, None, opts)
        python = pulumi.Output.from_input(args.python)
        server_name = f"{name}-server"
        database = Database(
            f"{name}-database",
            program=name,
            folder=args.folder,
            command=python.apply(migration),
            environment={**ENVIRONMENT, "ATLAS_SERVICE_VERSION": args.version},
            file="mlflow.db",
            users=[server_name],
            opts=pulumi.ResourceOptions(parent=self),
        )
        server = Process(
            server_name,
            folder=args.folder,
            vault=args.vault,
            command=pulumi.Output.all(python, database.directory).apply(command),
            environment={
                **ENVIRONMENT,
                **USERS,
                "ATLAS_SERVICE_VERSION": args.version,
                "ATLAS_SERVICE_DATABASE": database.generation.apply(str),
            },
            files={"basic_auth.ini": users(name)},
            ports={"http": args.port},
            # The version is only for who signs in: the health check proves the secret as well.
            health="http://127.0.0.1:{port:http}/version",
            health_credentials=SECRET,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = server.bound.apply(lambda bound: f"http://127.0.0.1:{bound['http']}")
        service = self.url.apply(
            lambda url: ServiceOutput.at("mlflow", url, credentials=SECRET, version=args.version)
        )
        self.services: Mapping[str, pulumi.Output[ServiceOutput]] = {"mlflow": service}
        self.register_outputs({"url": self.url})


def declare(platform: LocalPlatform) -> Mlflow:
    """Declare MLflow.

    Raises:
        pulumi.RunError: it isn't installed beside Atlas.
    """
    version = ServiceData.load("mlflow").installed_version()
    require_app()
    settings = platform.settings
    args = MlflowArgs(
        folder=str(settings.folder),
        vault=str(settings.vault),
        python=settings.python,
        port=platform.port("mlflow"),
        version=version,
    )
    return Mlflow("mlflow", args)


def require_app() -> None:
    """Refuse an environment without what the server's users need.

    Raises:
        pulumi.RunError: it was made before Atlas had them.
    """
    ServiceData(name="mlflow", version="", distribution="Flask-WTF").installed_version()
    if APP not in entry_points(group="mlflow.app").names:
        raise pulumi.RunError(
            f"mlflow: its app '{APP}' is not installed beside Atlas; install Atlas again: "
            "`make setup` in a checkout, else `pip install 'atlas-ml[platform]'`"
        )


def migration(python: str) -> list[str]:
    """Return the command that makes or migrates the database's draft."""
    return [python, "-m", "mlflow", "db", "upgrade", "sqlite:///{dir}/mlflow.db.draft"]


def users(database: str) -> str:
    """Return the server's users: one, who may do everything; any other may do nothing yet.

    Args:
        database: name of the database's folder, beside which the database of users is.
    """
    return ServiceData.load("mlflow").template("basic_auth.ini", {"database": database})


def command(known: Sequence[str]) -> list[str]:
    """Return the server's command, given the interpreter and the folder of the data."""
    python, home = known
    return [
        *(python, "-m", "atlas_provider.quick_exit", "atlas.tracking.one_process"),
        *("server", "--app-name", APP),
        *("--host", "127.0.0.1", "--port", "{port:http}", "--workers", "1"),
        *("--allowed-hosts", "127.0.0.1:{port:http},localhost:{port:http}"),
        *("--x-frame-options", "DENY"),
        *("--backend-store-uri", f"sqlite:///{home}/mlflow.db"),
        *("--artifacts-destination", Path(home, "artifacts").as_uri()),
    ]
