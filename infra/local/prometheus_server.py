"""What Prometheus, the Pushgateway and Alertmanager share: servers of one project, for one user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from atlas_provider.resources import Process
from infra.outputs import ServiceOutput
from infra.services import ServiceData, program_version

if TYPE_CHECKING:
    from infra.local.services import LocalPlatform

Files = Mapping[str, pulumi.Input[str]]
_READY = "http://127.0.0.1:{port:http}/-/ready"
WEB = ("--web.listen-address=127.0.0.1:{port:http}", "--web.config.file={dir}/web.yml")
"""Options that every server of the family takes: loopback alone, and a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusServerArgs:
    """What a server of the Prometheus family needs.

    Attributes:
        folder: the platform's folder.
        vault: the folder of the secrets.
        command: the program and its arguments.
        port: the port it listens on.
        version: its version, as its program prints it.
        files: text by path in its folder.
        folders: folders in its own that others put something into, by the names that the platform's
            outputs have for them.
    """

    folder: pulumi.Input[str]
    vault: pulumi.Input[str]
    command: list[str]
    port: pulumi.Input[int]
    version: str
    files: pulumi.Input[Files] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)


class PrometheusServer(pulumi.ComponentResource):
    """One server of the Prometheus family, opened by the secret of its own name.

    Attributes:
        url: its address.
        services: what it adds to the platform's outputs.
    """

    url: pulumi.Output[str]

    def __init__(
        self, name: str, args: PrometheusServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the server's process."""
        super().__init__(f"atlas:local:{name.capitalize()}", name, None, opts)
        server = Process(
            name,
            folder=args.folder,
            vault=args.vault,
            command=args.command,
            files=pulumi.Output.from_input(args.files).apply(
                lambda files: {**files, "web.yml": web_config(name)}
            ),
            ports={"http": args.port},
            health=_READY,
            health_credentials=name,
            health_timeout=60,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = server.bound.apply(lambda bound: f"http://127.0.0.1:{bound['http']}")
        service = self.url.apply(
            lambda url: ServiceOutput.at(name, url, credentials=name, version=args.version)
        )
        folders = {key: _folder(server, path) for key, path in args.folders.items()}
        self.services: Mapping[str, pulumi.Output[ServiceOutput]] = {name: service, **folders}
        self.register_outputs({"url": self.url})


def _folder(server: Process, path: str) -> pulumi.Output[ServiceOutput]:
    """Return the output for a folder in a server's own."""
    return server.directory.apply(
        lambda directory: ServiceOutput.at("folder", (Path(directory) / path).as_uri())
    )


def declare_server(
    platform: LocalPlatform,
    name: str,
    command: list[str],
    files: pulumi.Input[Files],
    folders: Mapping[str, str] | None = None,
) -> PrometheusServer:
    """Declare a server of the family, given its command, its files, and folders for others."""
    args = PrometheusServerArgs(
        folder=str(platform.settings.folder),
        vault=str(platform.settings.vault),
        command=command,
        port=platform.port(name),
        version=program_version(command[0]),
        files=files,
        folders=folders or {},
    )
    return PrometheusServer(name, args)


def web_config(secret: str) -> str:
    """Return what makes a server of the family ask for the user and password of a secret."""
    return ServiceData.load("prometheus").template("web.yml", {"secret": secret})
