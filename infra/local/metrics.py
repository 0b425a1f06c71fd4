"""Prometheus, the Pushgateway that it scrapes and the Alertmanager that it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from atlas_provider.resources import Process
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Mapping

_READY = "http://127.0.0.1:{port:http}/-/ready"
_WEB = ("--web.listen-address=127.0.0.1:{port:http}", "--web.config.file={dir}/web.yml")
SCRAPED = ("prometheus", "pushgateway")
"""The servers that Prometheus scrapes; it opens each with its secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerArgs:
    """What a server of the Prometheus family needs.

    Attributes:
        folder: the platform's folder.
        vault: the folder of the secrets.
        command: the program and its arguments.
        port: the port it listens on.
        files: text by path in its folder.
    """

    folder: pulumi.Input[str]
    vault: pulumi.Input[str]
    command: list[str]
    port: pulumi.Input[int]
    files: pulumi.Input[Mapping[str, pulumi.Input[str]]] = field(default_factory=dict)


class Server(pulumi.ComponentResource):
    """One server of the Prometheus family, opened by the secret of its own name.

    Attributes:
        url: its address.
    """

    url: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServerArgs, opts: pulumi.ResourceOptions | None = None
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
        self.register_outputs({"url": self.url})


def prometheus_command(program: str) -> list[str]:
    """Return Prometheus's command; SIGHUP makes it read its rules again, no request does."""
    return [
        program,
        "--config.file={dir}/prometheus.yml",
        "--storage.tsdb.path={dir}/data",
        # No page of another origin reads an answer.
        "--web.cors.origin=",
        *_WEB,
    ]


def web_config(secret: str) -> str:
    """Return what makes a server of the family ask for the user and password of a secret."""
    return ServiceData.load("prometheus").template("web.yml", {"secret": secret})


def prometheus_files(ports: Mapping[str, int], *, alertmanager: bool) -> dict[str, str]:
    """Return Prometheus's configuration, and the passwords of the servers that it speaks to."""
    spoken_to = (*SCRAPED, *(["alertmanager"] if alertmanager else []))
    passwords = {f"{name}.password": f"{{secret:{name}}}" for name in spoken_to}
    config = prometheus_config(ports, alertmanager=alertmanager)
    return {"prometheus.yml": config, **passwords}


def prometheus_config(ports: Mapping[str, int], *, alertmanager: bool) -> str:
    """Return Prometheus's configuration, given the platform's ports."""
    told = f'"127.0.0.1:{ports["alertmanager"]}"' if alertmanager else ""
    values = {
        "port": ports["prometheus"],
        "pushgateway": ports["pushgateway"],
        "alertmanager": told,
    }
    return ServiceData.load("prometheus").template("prometheus.yml", values)


def pushgateway_command(program: str) -> list[str]:
    """Return the Pushgateway's command; what was pushed survives a restart."""
    return [program, "--persistence.file={dir}/metrics.db", *_WEB]


def alertmanager_command(program: str) -> list[str]:
    """Return Alertmanager's command: alone, without a cluster's port."""
    return [
        program,
        "--config.file={dir}/alertmanager.yml",
        "--storage.path={dir}/data",
        "--cluster.listen-address=",
        *_WEB,
    ]


def alertmanager_config() -> str:
    """Return Alertmanager's configuration."""
    return ServiceData.load("alertmanager").template("alertmanager.yml", {})
