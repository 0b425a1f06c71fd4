"""CloudNativePG: the operator, and a PostgreSQL of several servers with a backup each night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infra.kubernetes import backups
from infra.kubernetes.services import OWN
from infra.kubernetes.workloads import budgets, key_of, metadata, secret
from infra.manifests import patches
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from infra.kubernetes.services import ClusterPlatform, ClusterService
    from infra.kubernetes.settings import ClusterSettings
    from infra.kubernetes.sizes import PlatformSize
    from infra.manifests.objects import Manifest

NAME = "cloudnative-pg"
NAMESPACE = "cnpg-system"
WEBHOOKS = 9443
"""The port on which the API server asks the operator about its objects."""
CLUSTER = "postgresql"
_GROUP = "postgresql.cnpg.io/v1"
_OPERATOR = "cnpg-controller-manager"
_KEPT = "14d"
_NIGHTLY = "0 30 2 * * *"
"""Seconds come first."""


def declare(platform: ClusterPlatform) -> ClusterService:
    """Declare the operator."""
    found = manifests(platform.rendered(NAME, "operator"), platform.settings.size)
    return platform.declare(
        NAME, "CloudnativePg", found, f"https://cnpg-webhook-service.{NAMESPACE}.svc"
    )


def manifests(rendered: list[Manifest], size: PlatformSize) -> list[Manifest]:
    """Return the operator's objects, given the official ones."""
    found = [one for one in rendered if one["kind"] != "Namespace"]
    found = patches.with_replicas(found, {_OPERATOR: size.replicas})
    return [*found, *budgets(found)]


def servers(
    settings: ClusterSettings,
    passwords: Mapping[str, pulumi.Output[str]],
    store: pulumi.Input[str] | None,
) -> list[Manifest]:
    """Return the objects by which the operator makes the servers, the databases and the backups.

    Args:
        settings: the stack's settings.
        passwords: by role: that of the superuser under `CLUSTER`, and those of databases' owners.
        store: address of the S3 server; None where it is found by the pods' identity.
    """
    owners = [name for name in passwords if name != CLUSTER]
    cluster: dict[str, Any] = {
        "instances": settings.size.databases,
        "imageName": ServiceData.load(NAME).image,
        "primaryUpdateStrategy": "unsupervised",
        "enableSuperuserAccess": True,
        "superuserSecret": {"name": _secret_name("postgres")},
        "bootstrap": {"initdb": {"database": "atlas", "owner": "atlas", "dataChecksums": True}},
        "managed": {"roles": [_role(name) for name in owners]},
        "resources": dict(settings.size.containers[CLUSTER]),
        "storage": {
            "size": settings.size.volumes[CLUSTER],
            **({"storageClass": settings.storage_class} if settings.storage_class else {}),
        },
        "affinity": {"podAntiAffinityType": "preferred", "enablePodAntiAffinity": True},
        **({"imagePullSecrets": [{"name": settings.pull_secret}]} if settings.pull_secret else {}),
    }
    objects: list[Manifest] = []
    if backups.has_place(settings):
        cluster["backup"] = _backup(settings, store)
        objects.append(_scheduled())
    roles = {"postgres": passwords[CLUSTER], **{name: passwords[name] for name in owners}}
    return [
        *(_password(name, password) for name, password in roles.items()),
        {
            "apiVersion": _GROUP,
            "kind": "Cluster",
            "metadata": metadata(
                CLUSTER, OWN, annotations={"pulumi.com/waitFor": "condition=Ready"}
            ),
            "spec": cluster,
        },
        *(_database(name) for name in owners),
        *objects,
    ]


def _secret_name(role: str) -> str:
    return f"{CLUSTER}-{role}"


def _password(role: str, password: pulumi.Output[str]) -> Manifest:
    """Return the Secret with a role's password, which the operator reads again when it changes."""
    data = {"username": role, "password": password}
    found = secret(_secret_name(role), OWN, data, "kubernetes.io/basic-auth")
    found["metadata"]["labels"]["cnpg.io/reload"] = "true"
    return found


def _role(name: str) -> dict[str, Any]:
    """Return what a database's owner is."""
    secret_ = {"name": _secret_name(name)}
    return {"name": name, "ensure": "present", "login": True, "passwordSecret": secret_}


def _database(name: str) -> Manifest:
    """Return a database of its owner's name, which stays when this object goes."""
    return {
        "apiVersion": _GROUP,
        "kind": "Database",
        "metadata": metadata(f"{CLUSTER}-{name}", OWN),
        "spec": {
            "cluster": {"name": CLUSTER},
            "name": name,
            "owner": name,
            "databaseReclaimPolicy": "retain",
        },
    }


def _backup(settings: ClusterSettings, store: pulumi.Input[str] | None) -> dict[str, Any]:
    """Return where changes and nightly copies go: beside the artifact store."""
    bucket = urlsplit(settings.store).netloc
    keys: dict[str, Any] = {
        name: key_of(backups.KEYS, key)["secretKeyRef"]
        for name, key in (("accessKeyId", "access-key"), ("secretAccessKey", "secret-key"))
    }
    own = {"inheritFromIAMRole": True} if store is None else keys
    place: dict[str, Any] = {
        "destinationPath": f"s3://{bucket}/{backups.FOLDER}",
        "s3Credentials": own,
        "wal": {"compression": "gzip"},
        "data": {"compression": "gzip"},
        **({} if store is None else {"endpointURL": store}),
    }
    return {"retentionPolicy": _KEPT, "barmanObjectStore": place}


def _scheduled() -> Manifest:
    """Return when the servers are copied."""
    return {
        "apiVersion": _GROUP,
        "kind": "ScheduledBackup",
        "metadata": metadata(f"{CLUSTER}-nightly", OWN),
        "spec": {
            "schedule": _NIGHTLY,
            "backupOwnerReference": "self",
            "cluster": {"name": CLUSTER},
        },
    }


def address() -> str:
    """Return the host and port of the server that takes writes."""
    return f"{CLUSTER}-rw.{OWN}.svc:5432"
