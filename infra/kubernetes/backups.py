"""A backup of one PostgreSQL server's databases each night, beside the artifact store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infra.kubernetes import object_store
from infra.kubernetes.services import OWN
from infra.kubernetes.workloads import PodServer, job, key_of, secret, variable
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from infra.kubernetes.settings import ClusterSettings
    from infra.manifests.objects import Manifest

NAME = "postgresql-backup"
KEYS = "postgresql-backup"
"""The Secret with the keys of the store."""
FOLDER = "postgresql"
"""The prefix of the bucket that copies are under."""
KEPT = 14
"""How many copies there are of each database."""
SCHEDULE = "30 2 * * *"
_USER = 999
_SCRATCH = "/backup"
_DUMP = """\
for name in $DATABASES; do
  pg_dump --format=custom --file="/backup/$name.dump" "$name"
done
"""


def has_place(settings: ClusterSettings) -> bool:
    """Tell whether there is a store that copies can go to."""
    return settings.store_identity or settings.owns(object_store.NAME)


def keys(settings: ClusterSettings) -> list[Manifest]:
    """Return the Secret with the keys of the platform's own S3 server; none without it."""
    if settings.store_identity or not has_place(settings):
        return []
    password = settings.secrets.password(object_store.NAME)
    data = {"access-key": object_store.ACCESS_KEY, "secret-key": password}
    return [secret(KEYS, OWN, data)]


def nightly(
    settings: ClusterSettings,
    host: pulumi.Input[str],
    databases: Sequence[str],
    store: pulumi.Input[str] | None,
) -> list[Manifest]:
    """Return the CronJob that copies databases to the store; none where there is no place for them.

    Args:
        settings: the stack's settings.
        host: the database server's.
        databases: names of what is copied.
        store: address of the S3 server; None where it is found by the pods' identity.
    """
    if not has_place(settings):
        return []
    made = job(_upload(settings, store), NAME)
    template: dict[str, Any] = made["spec"]["template"]
    pod = template["spec"]
    scratch = {"name": "backup", "mountPath": _SCRATCH}
    pod["initContainers"] = [_dump(host, databases, scratch)]
    pod["containers"][0]["volumeMounts"].append(scratch)
    pod["volumes"].append({"name": "backup", "emptyDir": {}})
    if settings.store_identity:
        # The cloud lets in an account by its name.
        pod |= {"serviceAccountName": "mlflow"}
    schedule = {
        "schedule": SCHEDULE,
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {"spec": {"backoffLimit": 3, "template": template}},
    }
    return [{**made, "kind": "CronJob", "spec": schedule}]


def _dump(
    host: pulumi.Input[str], databases: Sequence[str], scratch: dict[str, str]
) -> dict[str, Any]:
    """Return the container that writes a file of each database."""
    values = {
        "PGHOST": host,
        "PGUSER": "postgres",
        "PGPASSWORD": key_of("postgresql", "postgresql"),
        "DATABASES": " ".join(databases),
    }
    return {
        "name": "dump",
        "image": ServiceData.load("postgresql").image,
        "command": ["bash", "-euc", _DUMP],
        "env": [variable(name, value) for name, value in values.items()],
        "volumeMounts": [scratch],
        "securityContext": {"readOnlyRootFilesystem": True},
    }


def _upload(settings: ClusterSettings, store: pulumi.Input[str] | None) -> PodServer:
    """Return the container that takes the files to the store, in an image that speaks S3."""
    own: dict[str, Any] = {}
    if store is not None:
        own = {
            "AWS_ACCESS_KEY_ID": key_of(KEYS, "access-key"),
            "AWS_SECRET_ACCESS_KEY": key_of(KEYS, "secret-key"),
            "AWS_ENDPOINT_URL": store,
        }
    return PodServer(
        name=NAME,
        namespace=OWN,
        image=ServiceData.load("mlflow").image,
        port=0,
        user=_USER,
        command=("python", "-c", _script()),
        env={
            "BUCKET": urlsplit(settings.store).netloc,
            "FOLDER": FOLDER,
            "FILES": _SCRATCH,
            "KEPT": str(KEPT),
            "AWS_DEFAULT_REGION": settings.region,
            **own,
        },
    )


def _script() -> str:
    """Return what takes the files to the store, as the container runs it."""
    return Path(__file__).with_name("backup_upload.py").read_text("utf-8")
