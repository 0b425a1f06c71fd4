"""The S3 server on the cluster: a gateway over one volume, with one bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from infra.kubernetes.services import OWN
from infra.kubernetes.workloads import PodServer, key_of, secret, server
from infra.services import ServiceData

if TYPE_CHECKING:
    import pulumi

    from infra.kubernetes.services import ClusterPlatform, ClusterService
    from infra.manifests.objects import Manifest

NAME = "object-store"
ACCESS_KEY = "atlas"
PORT = 7070
USER = 10001
_DATA = "/data"


def declare(platform: ClusterPlatform) -> ClusterService:
    """Declare the S3 server."""
    settings = platform.settings
    password = settings.secrets.password(NAME)
    buckets = sorted(
        {urlsplit(url).netloc for url in (settings.store, settings.dags) if is_s3(url)}
    )
    url = f"http://{spec(buckets, settings.region).address()}"
    return platform.declare(NAME, "ObjectStore", manifests(password, buckets, settings.region), url)


def is_s3(url: str) -> bool:
    """Tell whether a URL is of S3."""
    return urlsplit(url).scheme == "s3"


def spec(buckets: list[str], region: str) -> PodServer:
    """Return the server; a bucket is a folder of its volume, made before it starts."""
    folders = " ".join(f"{_DATA}/{bucket}" for bucket in buckets)
    return PodServer(
        name=NAME,
        namespace=OWN,
        image=ServiceData.load(NAME).image,
        port=PORT,
        user=USER,
        command=("sh", "-c", f"mkdir -p {folders} && exec /app/versitygw posix {_DATA}"),
        env={
            "ROOT_ACCESS_KEY": key_of(NAME, "access-key"),
            "ROOT_SECRET_KEY": key_of(NAME, "secret-key"),
            "VGW_PORT": f":{PORT}",
            "VGW_REGION": region,
            "VGW_HEALTH": "/health",
        },
        probe={"httpGet": {"path": "/health", "port": PORT}},
        volume=_DATA,
    )


def manifests(password: pulumi.Output[str], buckets: list[str], region: str) -> list[Manifest]:
    """Return the objects."""
    keys = {"access-key": ACCESS_KEY, "secret-key": password}
    return [secret(NAME, OWN, keys), *server(spec(buckets, region))]
