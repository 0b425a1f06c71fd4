"""MLflow on this machine: its database, then its tracking server over it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from atlas_provider.resources import Database, Process

if TYPE_CHECKING:
    from collections.abc import Sequence

# Without job execution the server is 2 processes instead of 10.
ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowArgs:
    """What the server needs.

    Attributes:
        folder: the platform's folder.
        python: the interpreter.
        port: the port it listens on.
        version: its version; another one restarts it.
    """

    folder: pulumi.Input[str]
    python: pulumi.Input[str]
    port: pulumi.Input[int]
    version: pulumi.Input[str]


class Mlflow(pulumi.ComponentResource):
    """The tracking server and model registry.

    Attributes:
        url: its address.
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
            command=pulumi.Output.all(python, database.directory).apply(command),
            environment={
                **ENVIRONMENT,
                "ATLAS_SERVICE_VERSION": args.version,
                "ATLAS_SERVICE_DATABASE": database.generation.apply(str),
            },
            ports={"http": args.port},
            health="http://127.0.0.1:{port:http}/health",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = server.bound.apply(lambda bound: f"http://127.0.0.1:{bound['http']}")
        self.register_outputs({"url": self.url})


def migration(python: str) -> list[str]:
    """Return the command that makes or migrates the database's draft."""
    return [python, "-m", "mlflow", "db", "upgrade", "sqlite:///{dir}/mlflow.db.draft"]


def command(known: Sequence[str]) -> list[str]:
    """Return the server's command, given the interpreter and the folder of the data."""
    python, home = known
    return [
        *(python, "-m", "mlflow", "server"),
        *("--host", "127.0.0.1", "--port", "{port:http}", "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{home}/mlflow.db"),
        *("--artifacts-destination", Path(home, "artifacts").as_uri()),
    ]
