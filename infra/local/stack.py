"""The platform on one machine, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi

from atlas_provider.resources import Ports
from infra.local.services import LocalPlatform, listening
from infra.outputs import Platform, ServiceOutput

if TYPE_CHECKING:
    from infra.settings import Settings


def build(settings: Settings) -> pulumi.Output[Platform]:
    """Declare the platform's resources; return its outputs."""
    ports = Ports("ports", names=listening()).ports
    services = {
        **LocalPlatform(settings, ports).services(),
        **_folders(settings),
        **_elsewhere(settings),
    }
    return pulumi.Output.all(**services).apply(
        lambda known: Platform(stack=settings.stack, target=settings.target, services=known)
    )


def _folders(settings: Settings) -> dict[str, ServiceOutput]:
    """Return what no service has: the artifact store, and the secrets."""
    store = settings.store.rstrip("/")
    return {
        "store": ServiceOutput.at(urlsplit(store).scheme, store),
        "secrets": ServiceOutput.at("folder", settings.vault.as_uri()),
    }


def _elsewhere(settings: Settings) -> dict[str, ServiceOutput]:
    """Return what the platform only names: whoever takes OpenLineage events."""
    if not settings.openlineage:
        return {}
    secret = settings.openlineage_secret or None
    service = ServiceOutput.at("openlineage", settings.openlineage, credentials=secret)
    return {"openlineage": service}
