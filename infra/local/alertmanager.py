"""Alertmanager on this machine, where its program is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.prometheus_server import WEB, declare_server
from infra.services import ServiceData

if TYPE_CHECKING:
    from infra.local.prometheus_server import PrometheusServer
    from infra.local.services import LocalPlatform


def declare(platform: LocalPlatform) -> PrometheusServer | None:
    """Declare Alertmanager; None where its program isn't installed."""
    program = ServiceData.load("alertmanager").program()
    if program is None:
        return None
    files = {"alertmanager.yml": platform.settings.alertmanager_config or config()}
    return declare_server(platform, "alertmanager", command(program), files)


def command(program: str) -> list[str]:
    """Return Alertmanager's command: alone, without a cluster's port."""
    return [
        program,
        "--config.file={dir}/alertmanager.yml",
        "--storage.path={dir}/data",
        "--cluster.listen-address=",
        *WEB,
    ]


def config() -> str:
    """Return the configuration of an Alertmanager that sends alerts nowhere."""
    return ServiceData.load("alertmanager").template("alertmanager.yml", {})
