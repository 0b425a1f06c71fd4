"""PostgreSQL on the cluster: one server or several, and the databases of the services in it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pulumi

from infra.kubernetes import backups, cloudnative_pg, object_store
from infra.kubernetes.services import OWN
from infra.kubernetes.workloads import PodServer, job, key_of, secret, server
from infra.services import ServiceData

if TYPE_CHECKING:
    from infra.kubernetes.services import ClusterPlatform, ClusterService
    from infra.manifests.objects import Manifest

NAME = "postgresql"
PORT = 5432
USER = 999
DATABASES = ("airflow", "mlflow")
"""Each is owned by the role of its name."""
_DATA = "/var/lib/postgresql/data"
_SCRIPT = "postgresql-databases"


def declare(platform: ClusterPlatform) -> ClusterService:
    """Declare PostgreSQL, and the databases in it."""
    passwords = {name: platform.settings.secrets.password(of(name)) for name in (NAME, *DATABASES)}
    host = platform.settings.database
    if host is not None:
        objects = [secret(NAME, OWN, passwords), databases(_script(), host)]
        url = pulumi.Output.concat(f"{NAME}://", host, f":{PORT}")
        return platform.declare(NAME, "Postgresql", objects, url)
    settings = platform.settings
    own = platform.service(object_store.NAME)
    store = None if own is None or settings.store_identity else own.url
    keys = backups.keys(settings)
    if settings.has_operator:
        found = [*keys, *cloudnative_pg.servers(settings, passwords, store)]
        after = [cloudnative_pg.NAME, object_store.NAME]
        address = f"{NAME}://{cloudnative_pg.address()}"
        return platform.declare(NAME, "Postgresql", found, address, after=after)
    server_host = f"{NAME}.{OWN}.svc"
    found = [*manifests(passwords), *keys]
    found += backups.nightly(settings, server_host, DATABASES, store)
    return platform.declare(
        NAME, "Postgresql", found, f"{NAME}://{spec().address()}", after=[object_store.NAME]
    )


def of(database: str) -> str:
    """Return the name of the secret that is the password of a database's owner."""
    return NAME if database == NAME else f"{NAME}-{database}"


def spec() -> PodServer:
    """Return the server."""
    ready = {"exec": {"command": ["pg_isready", "-U", "postgres"]}, "timeoutSeconds": 5}
    return PodServer(
        name=NAME,
        namespace=OWN,
        image=ServiceData.load(NAME).image,
        port=PORT,
        user=USER,
        # Its socket is in a folder that can be written.
        args=("-c", "unix_socket_directories=/tmp", "-c", "password_encryption=scram-sha-256"),
        env={
            "PGDATA": f"{_DATA}/pgdata",
            "PGHOST": "/tmp",  # noqa: S108 - the container's own
            "POSTGRES_PASSWORD": key_of(NAME, NAME),
            "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --data-checksums",
        },
        probe=ready,
        volume=_DATA,
    )


def manifests(passwords: dict[str, pulumi.Output[str]]) -> list[Manifest]:
    """Return the objects, given the passwords of the server and of the databases' owners."""
    return [
        secret(NAME, OWN, passwords),
        *server(spec()),
        databases(_script(), f"{NAME}.{OWN}.svc"),
    ]


def _script() -> str:
    """Return what makes or mends roles and databases."""
    return ServiceData.load(NAME).text("databases.sh")


def databases(script: str, host: pulumi.Input[str]) -> Manifest:
    """Return the Job that runs the script on the server at a host; another one for another script.

    Args:
        script: what makes or mends roles and databases.
        host: the server's.
    """
    version = hashlib.sha256(f"{script}{DATABASES}".encode()).hexdigest()[:8]
    owners = {f"PASSWORD_{name}": key_of(NAME, name) for name in DATABASES}
    runner = PodServer(
        name=_SCRIPT,
        namespace=OWN,
        image=ServiceData.load(NAME).image,
        port=0,
        user=USER,
        command=("bash", "-c", script),
        env={
            "PGHOST": host,
            "PGUSER": "postgres",
            "PGPASSWORD": key_of(NAME, NAME),
            "PGSSLMODE": "prefer",
            "DATABASES": " ".join(DATABASES),
            **owners,
        },
    )
    return job(runner, f"{_SCRIPT}-{version}")
