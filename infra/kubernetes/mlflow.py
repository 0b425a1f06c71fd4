"""MLflow on the cluster: its server over PostgreSQL and S3, for who signs in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi

from infra.kubernetes import object_store, postgresql
from infra.kubernetes.services import OWN
from infra.kubernetes.workloads import PodServer, ingress, key_of, secret, server
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from infra.kubernetes.secrets import PlatformSecrets
    from infra.kubernetes.services import ClusterPlatform, ClusterService

NAME = "mlflow"
ACCOUNT = "admin"
PORT = 5000
USER = 10001
MIGRATION = ("sh", "-ec", 'exec mlflow db upgrade "$MLFLOW_BACKEND_STORE_URI"')
"""By itself the server migrates only a database that lacks tables; else it refuses an older one."""
_FILES = "/etc/mlflow"
_USERS = """\
[mlflow]
admin_username = {account}
admin_password = {password}
default_permission = NO_PERMISSIONS
database_uri = {database}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


def declare(platform: ClusterPlatform) -> ClusterService:
    """Declare MLflow."""
    settings = platform.settings
    store = platform.url("object-store", NAME)
    passwords = [settings.secrets.password(name) for name in (NAME, postgresql.of(NAME))]
    known = pulumi.Output.all(platform.url("postgresql", NAME), *passwords)
    found: pulumi.Output[dict[str, str]] = pulumi.Output.secret(known.apply(files))
    sessions = settings.secrets.password("mlflow-sessions")
    own = {} if settings.store_identity else store_keys(settings.secrets)
    host = settings.ingress.host(NAME)
    place = None if settings.store_identity else store
    args = spec(place, settings.store, settings.region, host, found)
    url = f"http://{args.address()}"
    objects = [
        secret(
            NAME,
            OWN,
            {
                "basic_auth.ini": found.apply(lambda known: known["basic_auth.ini"]),
                "database": found.apply(lambda known: known["database"]),
                "sessions": sessions,
                **own,
            },
        ),
        *server(args),
        *ingress(settings.ingress, NAME, OWN, NAME, PORT),
    ]
    version = ServiceData.load(NAME).version
    output = platform.output(NAME, url, NAME, version=version)
    after = ["postgresql", "object-store"]
    return platform.declare(NAME, "Mlflow", objects, url, services={NAME: output}, after=after)


def store_keys(secrets: PlatformSecrets) -> dict[str, pulumi.Input[str]]:
    """Return the keys of the platform's own S3 server."""
    return {
        "access-key": object_store.ACCESS_KEY,
        "secret-key": secrets.password(object_store.NAME),
    }


def database_url(server_url: str, password: str) -> str:
    """Return the URL of MLflow's database, given that of the server."""
    return f"postgresql://{NAME}:{password}@{urlsplit(server_url).netloc}/{NAME}"


def files(known: Sequence[str]) -> dict[str, str]:
    """Return what the server's Secret holds of passwords.

    Args:
        known: the address of the database's server, MLflow's password, and the database's.
    """
    server_url, password, own = known
    database = database_url(server_url, own)
    users = _USERS.format(account=ACCOUNT, password=password, database=database)
    return {"basic_auth.ini": users, "database": database}


def spec(
    store: pulumi.Input[str] | None, artifacts: str, region: str, host: str, checksum: Any
) -> PodServer:
    """Return the server.

    Args:
        store: address of the S3 server; None where it is found, and let in, by the pods' identity.
        artifacts: URL of the platform's store, beside which MLflow's files are.
        region: the region of the store.
        host: its host from outside of the cluster; empty for none.
        checksum: what it starts again for when it changes.
    """
    inside = [f"{NAME}.{OWN}.svc:{PORT}", f"{NAME}.{OWN}.svc.cluster.local:{PORT}"]
    return PodServer(
        name=NAME,
        namespace=OWN,
        image=ServiceData.load(NAME).image,
        port=PORT,
        user=USER,
        command=("mlflow", "server"),
        args=(
            *("--host", "0.0.0.0", "--port", str(PORT), "--workers", "2"),  # noqa: S104 - a pod's
            *("--app-name", "basic-auth"),
            *("--allowed-hosts", ",".join([*inside, *([host] if host else [])])),
            *("--x-frame-options", "DENY"),
            *("--artifacts-destination", f"s3://{urlsplit(artifacts).netloc}/{NAME}"),
        ),
        env={
            "MLFLOW_BACKEND_STORE_URI": key_of(NAME, "database"),
            "MLFLOW_AUTH_CONFIG_PATH": f"{_FILES}/basic_auth.ini",
            "MLFLOW_FLASK_SERVER_SECRET_KEY": key_of(NAME, "sessions"),
            "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            **({} if store is None else _store_variables(store)),
            "AWS_DEFAULT_REGION": region,
            "HOME": "/tmp",  # noqa: S108 - the container's own
        },
        probe={"httpGet": {"path": "/health", "port": PORT}},
        files={_FILES: NAME},
        checksum=checksum,
        migration=MIGRATION,
    )


def _store_variables(store: pulumi.Input[str]) -> dict[str, Any]:
    """Return the variables by which the S3 server at an address is found, and signed in to."""
    return {
        "AWS_ACCESS_KEY_ID": key_of(NAME, "access-key"),
        "AWS_SECRET_ACCESS_KEY": key_of(NAME, "secret-key"),
        "AWS_ENDPOINT_URL": store,
    }
