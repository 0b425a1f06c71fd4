"""The registry of images on the cluster: its one user, and deletion allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.kubernetes.services import OWN
from infra.kubernetes.workloads import PodServer, ingress, key_of, secret, server
from infra.services import ServiceData

if TYPE_CHECKING:
    from typing import Any

    from infra.kubernetes.services import ClusterPlatform, ClusterService
    from infra.manifests.objects import Manifest

NAME = "registry"
ACCOUNT = "atlas"
PORT = 5000
USER = 10001
_DATA = "/var/lib/registry"
_FILES = "/etc/registry"


def declare(platform: ClusterPlatform) -> ClusterService:
    """Declare the registry."""
    secrets = platform.settings.secrets
    found = {
        "htpasswd": secrets.hashed(NAME).apply(lambda hashed: f"{ACCOUNT}:{hashed}\n"),
        "http-secret": secrets.password("registry-http"),
    }
    way_in = ingress(platform.settings.ingress, NAME, OWN, NAME, PORT)
    url = f"http://{spec(found['htpasswd']).address()}"
    output = platform.output(
        NAME, url, NAME, version=ServiceData.load(NAME).image.rpartition(":")[2]
    )
    return platform.declare(
        NAME, "Registry", [*manifests(found), *way_in], url, services={NAME: output}
    )


def spec(checksum: Any) -> PodServer:
    """Return the server."""
    return PodServer(
        name=NAME,
        namespace=OWN,
        image=ServiceData.load(NAME).image,
        port=PORT,
        user=USER,
        env={
            "REGISTRY_AUTH": "htpasswd",
            "REGISTRY_AUTH_HTPASSWD_REALM": "atlas",
            "REGISTRY_AUTH_HTPASSWD_PATH": f"{_FILES}/htpasswd",
            "REGISTRY_HTTP_SECRET": key_of(NAME, "http-secret"),
            "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": _DATA,
            "REGISTRY_STORAGE_DELETE_ENABLED": "true",
            "OTEL_TRACES_EXPORTER": "none",
        },
        probe={"httpGet": {"path": "/", "port": PORT}},
        volume=_DATA,
        files={_FILES: NAME},
        checksum=checksum,
    )


def manifests(found: dict[str, Any]) -> list[Manifest]:
    """Return the objects, given what the registry's Secret holds."""
    return [secret(NAME, OWN, found), *server(spec(found["htpasswd"]))]
