"""The Pushgateway on this machine, which keeps the metrics of batches for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.prometheus_server import WEB, declare_server
from infra.services import ServiceData

if TYPE_CHECKING:
    from infra.local.prometheus_server import PrometheusServer
    from infra.local.services import LocalPlatform


def declare(platform: LocalPlatform) -> PrometheusServer:
    """Declare the Pushgateway.

    Raises:
        pulumi.RunError: its program isn't on this machine.
    """
    program = ServiceData.load("pushgateway").required_program()
    return declare_server(platform, "pushgateway", command(program), {})


def command(program: str) -> list[str]:
    """Return the Pushgateway's command; what was pushed survives a restart."""
    return [program, "--persistence.file={dir}/metrics.db", *WEB]
