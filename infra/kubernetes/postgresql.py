"""PostgreSQL on the cluster: one server with a volume, and the databases of the services."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from infra.kubernetes.services import OWN
from infra.kubernetes.workloads import PodServer, job, key_of, secret, server
from infra.services import ServiceData

if TYPE_CHECKING:
    import pulumi

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
    url = f"{NAME}://{spec().address()}"
    return platform.declare(NAME, "Postgresql", manifests(passwords), url)


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
    script = ServiceData.load(NAME).text("databases.sh")
    return [
        secret(NAME, OWN, passwords),
        *server(spec()),
        databases(script),
    ]


def databases(script: str) -> Manifest:
    """Return the Job that makes or mends roles and databases; another one for another script."""
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
            "PGHOST": f"{NAME}.{OWN}.svc",
            "PGUSER": "postgres",
            "PGPASSWORD": key_of(NAME, NAME),
            "DATABASES": " ".join(DATABASES),
            **owners,
        },
    )
    return job(runner, f"{_SCRIPT}-{version}")
