"""The Pushgateway on the cluster, which asks for a password, and Prometheus's way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.kubernetes.workloads import PodServer, ingress, metadata, secret, server
from infra.services import ServiceData

if TYPE_CHECKING:
    from typing import Any

    import pulumi

    from infra.kubernetes.services import ClusterPlatform, ClusterService
    from infra.manifests.objects import Manifest

NAME = "pushgateway"
NAMESPACE = "monitoring"
ACCOUNT = "atlas"
PORT = 9091
USER = 65534
_DATA = "/data"
_FILES = "/etc/pushgateway"


def declare(platform: ClusterPlatform) -> ClusterService:
    """Declare the Pushgateway."""
    secrets, settings = platform.settings.secrets, platform.settings
    web = secrets.hashed(NAME).apply(lambda hashed: f'basic_auth_users:\n  {ACCOUNT}: "{hashed}"\n')
    objects = [*manifests(web), *ingress(settings.ingress, NAME, NAMESPACE, NAME, PORT)]
    if platform.service("prometheus") is not None:
        objects += scraped(secrets.password(NAME))
    url = f"http://{spec(web).address()}"
    version = ServiceData.load(NAME).image.rpartition(":v")[2]
    output = platform.output(NAME, url, NAME, version=version)
    return platform.declare(
        NAME, "Pushgateway", objects, url, services={NAME: output}, after=["prometheus"]
    )


def spec(checksum: Any) -> PodServer:
    """Return the server; what was pushed survives a restart."""
    return PodServer(
        name=NAME,
        namespace=NAMESPACE,
        image=ServiceData.load(NAME).image,
        port=PORT,
        user=USER,
        args=(
            f"--web.config.file={_FILES}/web.yml",
            f"--persistence.file={_DATA}/metrics.db",
            f"--web.listen-address=:{PORT}",
        ),
        # What is asked for over HTTP needs the password.
        probe={"tcpSocket": {"port": PORT}},
        volume=_DATA,
        files={_FILES: NAME},
        checksum=checksum,
    )


def manifests(web: pulumi.Output[str]) -> list[Manifest]:
    """Return the objects, given the file that says who may ask."""
    return [secret(NAME, NAMESPACE, {"web.yml": web}), *server(spec(web))]


def scraped(password: pulumi.Output[str]) -> list[Manifest]:
    """Return what makes Prometheus ask for what was pushed, as it was pushed."""
    name = f"{NAME}-scrape"
    own = metadata(NAME, NAMESPACE)
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {**own, "labels": {**own["labels"], "release": "kps"}},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
            "endpoints": [
                {
                    "port": "http",
                    "honorLabels": True,
                    "basicAuth": {
                        "username": {"name": name, "key": "username"},
                        "password": {"name": name, "key": "password"},
                    },
                }
            ],
        },
    }
    return [secret(name, NAMESPACE, {"username": ACCOUNT, "password": password}), monitor]
