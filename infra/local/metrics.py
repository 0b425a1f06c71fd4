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
_LISTEN = "--web.listen-address=127.0.0.1:{port:http}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerArgs:
    """What a server of the Prometheus family needs.

    Attributes:
        folder: the platform's folder.
        command: the program and its arguments.
        port: the port it listens on.
        files: text by path in its folder.
    """

    folder: pulumi.Input[str]
    command: list[str]
    port: pulumi.Input[int]
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


class Server(pulumi.ComponentResource):
    """One server of the Prometheus family.

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
            command=args.command,
            files=args.files,
            ports={"http": args.port},
            health=_READY,
            health_timeout=60,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = server.bound.apply(lambda bound: f"http://127.0.0.1:{bound['http']}")
        self.register_outputs({"url": self.url})


def prometheus_command(program: str) -> list[str]:
    """Return Prometheus's command; rules are taken anew at a request to ``/-/reload``."""
    return [
        program,
        "--config.file={dir}/prometheus.yml",
        "--storage.tsdb.path={dir}/data",
        "--web.enable-lifecycle",
        _LISTEN,
    ]


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
    return [program, "--persistence.file={dir}/metrics.db", _LISTEN]


def alertmanager_command(program: str) -> list[str]:
    """Return Alertmanager's command: alone, without a cluster's port."""
    return [
        program,
        "--config.file={dir}/alertmanager.yml",
        "--storage.path={dir}/data",
        "--cluster.listen-address=",
        _LISTEN,
    ]


def alertmanager_config() -> str:
    """Return Alertmanager's configuration."""
    return ServiceData.load("alertmanager").template("alertmanager.yml", {})
