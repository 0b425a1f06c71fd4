"""The registry of images on this machine: its own users, and deletion allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from atlas_provider.resources import Process
from infra.outputs import ServiceOutput
from infra.services import ServiceData, program_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.services import LocalPlatform

SECRET = "registry"  # noqa: S105 - a secret's name
"""The name of the secret that opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryArgs:
    """What the registry needs.

    Attributes:
        folder: the platform's folder.
        vault: the folder of the secrets.
        program: path of its program.
        port: the port it listens on.
        version: its version, as its program prints it.
    """

    folder: pulumi.Input[str]
    vault: pulumi.Input[str]
    program: str
    port: pulumi.Input[int]
    version: str


class Registry(pulumi.ComponentResource):
    """The registry of images.

    Attributes:
        url: its address.
        directory: its folder, which is a `DOCKER_CONFIG` that opens it.
        services: what it adds to the platform's outputs.
    """

    url: pulumi.Output[str]
    directory: pulumi.Output[str]

    def __init__(
        self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the registry's process."""
        super().__init__("atlas:local:Registry", name, None, opts)
        server = Process(
            name,
            folder=args.folder,
            vault=args.vault,
            command=command(args.program),
            # Telemetry would look for a collector at every start.
            environment={"OTEL_TRACES_EXPORTER": "none"},
            files=files(),
            ports={"http": args.port},
            health="http://127.0.0.1:{port:http}/",
            health_timeout=60,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = server.bound.apply(lambda bound: f"http://127.0.0.1:{bound['http']}")
        self.directory = server.directory
        service = self.url.apply(
            lambda url: ServiceOutput.at("registry", url, credentials=SECRET, version=args.version)
        )
        self.services: Mapping[str, pulumi.Output[ServiceOutput]] = {"registry": service}
        self.register_outputs({"url": self.url, "directory": self.directory})


def declare(platform: LocalPlatform) -> Registry | None:
    """Declare the registry of images; None where its program isn't installed."""
    program = ServiceData.load("registry").program()
    if program is None:
        return None
    args = RegistryArgs(
        folder=str(platform.settings.folder),
        vault=str(platform.settings.vault),
        program=program,
        port=platform.port("registry"),
        version=program_version(program),
    )
    return Registry("registry", args)


def command(program: str) -> list[str]:
    """Return the registry's command."""
    return [program, "serve", "{dir}/config.yml"]


def files() -> dict[str, str]:
    """Return the registry's configuration, its one user, and what lets Docker's clients in."""
    data = ServiceData.load("registry")
    return {
        "config.yml": data.template("config.yml", {}),
        "htpasswd": f"{{secret:{SECRET}.htpasswd}}\n",
        # Who pulls for Airflow finds it here: DOCKER_CONFIG is this folder.
        "config.json": data.template("client.json", {}),
    }
