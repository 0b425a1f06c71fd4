"""Airflow on the cluster: the official chart's objects, patched, with secrets of our own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pulumi

from infra.kubernetes import object_store, postgresql
from infra.kubernetes.secrets import fingerprint
from infra.kubernetes.workloads import CHECKSUM, budgets, ingress, key_of, metadata, secret
from infra.kubernetes.workloads import variable as variable_of
from infra.manifests import patches
from infra.manifests.pods import pod_of
from infra.outputs import ServiceOutput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.kubernetes.services import ClusterPlatform, ClusterService
    from infra.kubernetes.settings import ClusterSettings
    from infra.manifests.objects import Manifest

NAME = "airflow"
NAMESPACE = "airflow"
ACCOUNT = "admin"
PORT = 8080
RENDERINGS = {"LocalExecutor": "local-executor", "KubernetesExecutor": "kubernetes-executor"}
"""The rendering of each executor."""
CONTAINERS = frozenset(
    {
        *("api-server", "scheduler", "dag-processor", "triggerer", "run-airflow-migrations"),
        "wait-for-airflow-migrations",
    }
)
"""The containers that run Airflow."""
_MIGRATION = "Job airflow-run-airflow-migrations"
_CONNECTION, _DAGS_CONNECTION = "atlas_store", "atlas_dags"
_LOGS = "airflow-logs"
_REPLICATED = ("airflow-api-server", "airflow-dag-processor", "airflow-triggerer")
_CREATE = """\
airflow users create --role Admin --username "$USERNAME" --password "$PASSWORD" \
  --firstname Atlas --lastname Administrator --email admin@example.invalid
airflow users reset-password --username "$USERNAME" --password "$PASSWORD"
"""
"""Makes the administrator, or gives the one that is there the password of now."""


def declare(platform: ClusterPlatform) -> ClusterService:
    """Declare Airflow."""
    settings = platform.settings
    rendered = platform.rendered(NAME, RENDERINGS[settings.executor])
    found = secrets(settings, platform.url("postgresql", NAME))
    store = pulumi.Output.from_input("")
    if needs_store(settings):
        store = platform.url("object-store", NAME)
        found["airflow-store"] = {"connection": _store_connection(settings, store)}
    if settings.dags_connection is not None:
        found["airflow-dags"] = {"connection": settings.dags_connection}
    objects = manifests(rendered, settings, found)
    objects += ingress(settings.ingress, NAME, NAMESPACE, "airflow-api-server", PORT)
    url = f"http://airflow-api-server.{NAMESPACE}.svc:{PORT}"
    airflow = platform.output(NAME, url, NAME, version=image_tag(rendered), tasks="kubernetes")
    dags = ServiceOutput.at(
        urlsplit(settings.dags).scheme.partition("+")[0],
        settings.dags,
        versioned=not object_store.is_s3(settings.dags),
    )
    after = ["postgresql", "object-store"]
    return platform.declare(
        NAME, "Airflow", objects, url, services={NAME: airflow, "dags": dags}, after=after
    )


def launchers(settings: ClusterSettings) -> list[tuple[str, str]]:
    """Return namespace and name of the accounts by which Airflow runs pods; none without it."""
    if not settings.owns(NAME):
        return []
    runs = "airflow-worker" if settings.executor == "KubernetesExecutor" else "airflow-scheduler"
    return [(NAMESPACE, name) for name in dict.fromkeys((runs, "airflow-triggerer"))]


def needs_store(settings: ClusterSettings) -> bool:
    """Tell whether Airflow reads DAG files from S3, or there is a place there for its logs."""
    return object_store.is_s3(settings.dags) or "object-store" not in settings.switched_off


def secrets(
    settings: ClusterSettings, database: pulumi.Output[str]
) -> dict[str, dict[str, pulumi.Input[str]]]:
    """Return Airflow's Secrets, by name: those that the chart would make in hooks, and its user."""
    own = settings.secrets
    connection = pulumi.Output.all(database, own.password(postgresql.of(NAME))).apply(
        lambda known: f"postgresql://{NAME}:{known[1]}@{urlsplit(str(known[0])).netloc}/{NAME}"
    )
    return {
        "airflow-metadata": {"connection": pulumi.Output.secret(connection)},
        "airflow-fernet": {"fernet-key": own.fernet("airflow-fernet")},
        "airflow-api": {"api-secret-key": own.password("airflow-api")},
        "airflow-jwt": {"jwt-secret": own.password("airflow-jwt")},
        "airflow-user": {"username": ACCOUNT, "password": own.password(NAME)},
    }


def _store_connection(settings: ClusterSettings, store: pulumi.Output[str]) -> pulumi.Output[str]:
    """Return Airflow's connection to the S3 server, as it reads one from a variable."""

    def connection(known: Sequence[str]) -> str:
        extra = {"endpoint_url": known[0], "region_name": settings.region}
        return json.dumps(
            {
                "conn_type": "aws",
                "login": object_store.ACCESS_KEY,
                "password": known[1],
                "extra": extra,
            }
        )

    if settings.store_identity:
        extra = {"region_name": settings.region}
        return pulumi.Output.from_input(json.dumps({"conn_type": "aws", "extra": extra}))
    password = settings.secrets.password(object_store.NAME)
    return pulumi.Output.secret(pulumi.Output.all(store, password).apply(connection))


def manifests(
    rendered: list[Manifest],
    settings: ClusterSettings,
    found: Mapping[str, Mapping[str, pulumi.Input[str]]],
) -> list[Manifest]:
    """Return the objects, given the official ones and the contents of the Secrets."""
    objects = patches.in_namespace(rendered, NAMESPACE, NAMESPACE)
    objects = patches.with_variables(objects, CONTAINERS, variables(settings, found))
    # Pulumi would find it gone, and make it again.
    objects = patches.changed(
        objects, _MIGRATION, lambda one: one["spec"].pop("ttlSecondsAfterFinished", None)
    )
    objects = patches.with_replicas(objects, dict.fromkeys(_REPLICATED, settings.size.replicas))
    checksum = fingerprint(dict(found))
    objects = [_started_again(one, checksum) for one in objects]
    own = [secret(name, NAMESPACE, data) for name, data in found.items()]
    scraped = [statsd_monitor()] if settings.owns("prometheus") else []
    return [*own, *objects, *budgets(objects), _create_user(objects, checksum), *scraped]


def variables(
    settings: ClusterSettings, found: Mapping[str, Mapping[str, pulumi.Input[str]]]
) -> list[dict[str, Any]]:
    """Return the variables by which Airflow is set up: they go before its file."""
    host = settings.ingress.host(NAME)
    mlflow = settings.ingress.host("mlflow") if settings.owns("mlflow") else ""
    plain: dict[str, Any] = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle(settings)]),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True",
        "AIRFLOW__CORE__PARALLELISM": str(settings.parallelism),
        "AIRFLOW__CORE__MAX_MAP_LENGTH": "1024",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__API__MAXIMUM_PAGE_LIMIT": "1000",
        "AIRFLOW__SCHEDULER__CATCHUP_BY_DEFAULT": "False",
        "AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE": NAMESPACE,
        "ATLAS_STORE": settings.store,
        "ATLAS_REGISTRY": registry_host(settings),
        **({"AIRFLOW__API__BASE_URL": f"https://{host}"} if host else {}),
        **({"ATLAS_MLFLOW_PAGE": f"https://{mlflow}"} if mlflow else {}),
    }
    if "airflow-store" in found:
        plain |= {
            f"AIRFLOW_CONN_{_CONNECTION.upper()}": key_of("airflow-store", "connection"),
            "AIRFLOW__LOGGING__REMOTE_LOGGING": "True",
            "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID": _CONNECTION,
            "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": (
                f"s3://{urlsplit(settings.store).netloc}/{_LOGS}"
            ),
        }
    if "airflow-dags" in found:
        name = f"AIRFLOW_CONN_{_DAGS_CONNECTION.upper()}"
        plain[name] = key_of("airflow-dags", "connection")
    return [variable_of(name, value) for name, value in plain.items() if value != ""]


def bundle(settings: ClusterSettings) -> dict[str, Any]:
    """Return the bundle of DAG files: a prefix of a bucket, or a branch of a repository."""
    parts = urlsplit(settings.dags)
    if object_store.is_s3(settings.dags):
        kwargs = {
            "aws_conn_id": _CONNECTION,
            "bucket_name": parts.netloc,
            "prefix": parts.path.strip("/"),
        }
        path = "airflow.providers.amazon.aws.bundles.s3.S3DagBundle"
    else:
        repository = settings.dags.partition("#")[0].removeprefix("git+")
        kwargs = {"repo_url": repository, "tracking_ref": parts.fragment or "main"}
        if settings.dags_connection is not None:
            kwargs["git_conn_id"] = _DAGS_CONNECTION
        path = "airflow.providers.git.bundles.git.GitDagBundle"
    return {"name": "atlas", "classpath": path, "kwargs": kwargs}


def registry_host(settings: ClusterSettings) -> str:
    """Return the host that images of steps are pulled from; empty where nodes reach none."""
    elsewhere = settings.elsewhere.get("registry", "")
    return urlsplit(elsewhere).netloc or settings.ingress.host("registry")


def _started_again(manifest: Manifest, checksum: pulumi.Output[str]) -> Manifest:
    """Return an object whose pods all start again together when a secret changes."""
    if manifest["kind"] not in ("Deployment", "StatefulSet"):
        return manifest
    template = manifest["spec"]["template"]
    own = template["metadata"]
    annotations = {**(own.get("annotations") or {}), CHECKSUM: checksum}
    new = {**template, "metadata": {**own, "annotations": annotations}}
    return {**manifest, "spec": {**manifest["spec"], "template": new}}


def _create_user(objects: list[Manifest], checksum: pulumi.Output[str]) -> Manifest:
    """Return the Job that makes the administrator: the migration's pod with another command."""
    (migration,) = [one for one in objects if one["kind"] == "Job"]
    pod = dict(pod_of(migration) or {})
    (container,) = pod["containers"]
    user = [
        variable_of(key.upper(), key_of("airflow-user", key)) for key in ("username", "password")
    ]
    wait = {
        **container,
        "name": "wait-for-airflow-migrations",
        "args": ["airflow", "db", "check-migrations", "--migration-wait-timeout=600"],
    }
    create = {
        **container,
        "name": "create-user",
        "args": ["bash", "-ec", _CREATE],
        "env": [*container["env"], *user],
    }
    name = "airflow-create-user"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(name, NAMESPACE),
        "spec": {
            "backoffLimit": 6,
            "template": {
                "metadata": {
                    "labels": {"app.kubernetes.io/name": name},
                    "annotations": {CHECKSUM: checksum},
                },
                "spec": {
                    **pod,
                    "serviceAccountName": "airflow-create-user-job",
                    "initContainers": [wait],
                    "containers": [create],
                },
            },
        },
    }


def statsd_monitor() -> Manifest:
    """Return what makes Prometheus ask for Airflow's metrics."""
    own = metadata("airflow-statsd", NAMESPACE)
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {**own, "labels": {**own["labels"], "release": "kps"}},
        "spec": {
            "selector": {"matchLabels": {"tier": "airflow", "component": "statsd"}},
            "endpoints": [{"port": "statsd-scrape"}],
        },
    }


def image_tag(rendered: list[Manifest]) -> str:
    """Return the version of Airflow that is rendered."""
    (migration,) = [one for one in rendered if one["kind"] == "Job"]
    (container,) = (pod_of(migration) or {})["containers"]
    return str(container["image"]).rpartition(":")[2]
