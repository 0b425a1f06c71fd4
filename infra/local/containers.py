"""The containers of steps on this machine: Docker's own service, or podman's with the same API."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from atlas_provider.resources import Process
from infra.local.registry import Registry

if TYPE_CHECKING:
    from infra.local.services import LocalPlatform

_SOCKET = "podman.sock"
_ASK = {"docker": ("version", "--format", "{{.Server.Version}}"), "podman": ("--version",)}
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainersArgs:
    """What podman's service needs.

    Attributes:
        folder: the platform's folder.
        state: the state folder, which has podman's settings for this machine.
        python: the interpreter.
        registry: host and port of the registry that it pulls from without TLS.
    """

    folder: pulumi.Input[str]
    state: pulumi.Input[str]
    python: pulumi.Input[str]
    registry: pulumi.Input[str]


class Containers(pulumi.ComponentResource):
    """A service that runs containers for who speaks Docker's API.

    Attributes:
        host: its address, as `DOCKER_HOST` has it.
    """

    host: pulumi.Output[str]

    def __init__(
        self, name: str, args: ContainersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare podman's service."""
        super().__init__("atlas:local:Containers", name, None, opts)
        server = Process(
            name,
            folder=args.folder,
            command=pulumi.Output.all(args.python, args.registry).apply(lambda v: command(*v)),
            environment={"ATLAS_STATE": args.state},
            health_command=health(),
            health_timeout=60,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.host = server.directory.apply(lambda folder: f"unix://{folder}/{_SOCKET}")
        self.register_outputs({"host": self.host})


def environment(platform: LocalPlatform) -> dict[str, pulumi.Input[str]]:
    """Return the variables by which Airflow's tasks run containers, where they do.

    Raises:
        pulumi.RunError: there is no engine, or no registry that it can pull from.
    """
    settings = platform.settings
    if settings.tasks != "docker":
        return {}
    registry = platform.service("registry")
    if not isinstance(registry, Registry):
        raise pulumi.RunError(
            "atlas:tasks: found 'docker', which pulls images from the platform's registry, and "
            "there is none; `atlas doctor` shows how to get its program, or set it to 'process'"
        )
    host = platform.port("registry").apply(lambda port: f"127.0.0.1:{port}")
    variables: dict[str, pulumi.Input[str]] = {
        "ATLAS_REGISTRY": host,
        "DOCKER_CONFIG": registry.directory,
    }
    if engine() == "docker":
        return variables
    args = ContainersArgs(
        folder=str(settings.folder),
        state=str(settings.state),
        python=settings.python,
        registry=host,
    )
    return {**variables, "DOCKER_HOST": Containers("containers", args).host}


def command(python: str, registry: str) -> list[str]:
    """Return the command of podman's service, which Atlas configures for this machine."""
    return [python, "-m", "atlas.containers.serve", f"{{dir}}/{_SOCKET}", registry]


def health() -> list[str]:
    """Return the command that asks it."""
    return ["podman", "--url", f"unix://{{dir}}/{_SOCKET}", "version"]


def engine() -> str:
    """Return the engine of this machine; a client without an engine isn't one.

    Raises:
        pulumi.RunError: there is none.
    """
    program = next((name for name, words in _ASK.items() if _answers([name, *words])), "")
    if not program:
        raise pulumi.RunError(
            "atlas:tasks: found 'docker', but neither Docker nor Podman answers on this machine; "
            "`make setup` gets Podman on Debian, or set it to 'process'"
        )
    return program


def _answers(command: list[str]) -> bool:
    """Tell whether an engine prints its version."""
    try:
        done = subprocess.run(  # noqa: S603 - the machine's own client
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and bool(done.stdout.strip())
