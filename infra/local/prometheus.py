"""Prometheus on this machine, and what it scrapes and sends alerts to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.prometheus_server import WEB, declare_server
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.prometheus_server import PrometheusServer
    from infra.local.services import LocalPlatform

SCRAPED = ("prometheus", "pushgateway")
"""The servers that Prometheus scrapes; it opens each with its secret."""
RULES = "rules"
"""Where deployments put their rules, in Prometheus's own folder."""


def declare(platform: LocalPlatform) -> PrometheusServer:
    """Declare Prometheus.

    Raises:
        pulumi.RunError: its program isn't on this machine.
    """
    program = ServiceData.load("prometheus").required_program()
    alertmanager = platform.has("alertmanager")
    config = platform.ports.apply(lambda chosen: files(chosen, alertmanager=alertmanager))
    return declare_server(platform, "prometheus", command(program), config, {"rules": RULES})


def command(program: str) -> list[str]:
    """Return Prometheus's command; SIGHUP makes it read its rules again, no request does."""
    return [
        program,
        "--config.file={dir}/prometheus.yml",
        "--storage.tsdb.path={dir}/data",
        # No page of another origin reads an answer.
        "--web.cors.origin=",
        # Alertmanager drops an alert four times as long after it was last sent.
        "--rules.alert.resend-delay=15s",
        *WEB,
    ]


def files(ports: Mapping[str, int], *, alertmanager: bool) -> dict[str, str]:
    """Return Prometheus's configuration, and the passwords of the servers that it opens."""
    opened = (*SCRAPED, *(["alertmanager"] if alertmanager else []))
    passwords = {f"{name}.password": f"{{secret:{name}}}" for name in opened}
    return {
        "prometheus.yml": config(ports, alertmanager=alertmanager),
        f"{RULES}/README": ServiceData.load("prometheus").template("rules.txt", {}),
        **passwords,
    }


def config(ports: Mapping[str, int], *, alertmanager: bool) -> str:
    """Return Prometheus's configuration, given the platform's ports."""
    values = {
        "port": ports["prometheus"],
        "pushgateway": ports["pushgateway"],
        "alertmanager": f'"127.0.0.1:{ports["alertmanager"]}"' if alertmanager else "",
    }
    return ServiceData.load("prometheus").template("prometheus.yml", values)
