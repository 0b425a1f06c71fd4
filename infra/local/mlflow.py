"""MLflow's tracking server on this machine, over SQLite and a folder of artifacts."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from atlas_provider.resources import Process

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
    """The tracking server.

    Attributes:
        url: its address.
    """

    url: pulumi.Output[str]

    def __init__(
        self, name: str, args: MlflowArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the server's process."""
        super().__init__("atlas:local:Mlflow", name, None, opts)
        server = Process(
            name,
            folder=args.folder,
            command=pulumi.Output.from_input(args.python).apply(command),
            environment={**ENVIRONMENT, "ATLAS_SERVICE_VERSION": args.version},
            ports={"http": args.port},
            health="http://127.0.0.1:{port:http}/health",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = server.bound.apply(lambda bound: f"http://127.0.0.1:{bound['http']}")
        self.register_outputs({"url": self.url})


def command(python: str) -> list[str]:
    """Return the server's command."""
    return [
        *(python, "-m", "mlflow", "server"),
        *("--host", "127.0.0.1", "--port", "{port:http}", "--workers", "1"),
        *("--backend-store-uri", "sqlite:///{dir}/mlflow.db"),
        *("--artifacts-destination", "file://{dir}/artifacts"),
    ]
