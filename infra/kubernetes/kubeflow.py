"""Kubeflow Pipelines on the cluster: the official manifests, patched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.kubernetes.gateway import Gateway
from infra.kubernetes.secrets import fingerprint
from infra.kubernetes.workloads import CHECKSUM, budgets, config_map, secret
from infra.manifests import patches
from infra.manifests.pods import pod_of, with_containers
from infra.outputs import ServiceOutput

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from infra.kubernetes.services import ClusterPlatform, ClusterService
    from infra.manifests.objects import Manifest
    from infra.manifests.pods import Container

NAME = "kubeflow"
NAMESPACE = "kubeflow"
API = "ml-pipeline"
PORT = 8888
_CONFIG = "atlas-api-server-config"
_STORE = "mlpipeline-minio-artifact"
_DATABASE = "mysql-secret"
GATEWAY = Gateway(
    service=NAME,
    namespace=NAMESPACE,
    routes={
        "/apis/": f"{API}.{NAMESPACE}.svc:{PORT}",
        "/": f"{API}-ui.{NAMESPACE}.svc:80",
    },
)
"""The way in to its API and its pages, for a single user."""
SINGLE = ("cluster-scoped-resources", "platform-agnostic")
MULTI = ("multi-user",)
"""The renderings of each mode."""
V1_CACHE = (
    "ServiceAccount kubeflow-pipelines-cache-deployer-sa",
    "ClusterRole kubeflow-pipelines-cache-deployer-clusterrole",
    "ClusterRoleBinding kubeflow-pipelines-cache-deployer-clusterrolebinding",
    "Role kubeflow-pipelines-cache-deployer-role",
    "RoleBinding kubeflow-pipelines-cache-deployer-rolebinding",
    "Deployment cache-deployer-deployment",
    "Deployment cache-server",
    "Service cache-server",
    "ServiceAccount kubeflow-pipelines-cache",
    "Role kubeflow-pipelines-cache-role",
    "RoleBinding kubeflow-pipelines-cache-binding",
)
"""The cache of pipelines of KFP's first version, whose deployer signs certificates by itself."""
MYSQL = (
    "Deployment mysql",
    "Service mysql",
    "ServiceAccount mysql",
    "PersistentVolumeClaim mysql-pv-claim",
)
"""The database that the manifests bring."""
_REPLICATED = ("ml-pipeline-ui", "ml-pipeline-visualizationserver", "metadata-envoy-deployment")
EXCUSED: Mapping[str, str] = {
    "ClusterRole aggregate-to-kubeflow-pipelines-edit": (
        "what a contributor of a profile may do in that profile's namespace"
    ),
}
"""Roles of multi-user mode that have everything of something, and why."""
_STEPS = (
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [_STORE], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": [""],
        "resources": ["persistentvolumeclaims"],
        "verbs": ["create", "delete", "get", "list", "watch"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "patch", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflows"],
        "verbs": ["get", "list", "patch", "update", "watch"],
    },
    {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflowtaskresults"],
        "verbs": ["create", "patch"],
    },
)
"""What the account of steps may do in their namespace."""
_API_CONFIG = """\
{
  "DBConfig": {
    "MySQLConfig": {"DataSourceName": "", "DBName": "mlpipeline", "GroupConcatMaxLen": "4194304"},
    "PostgreSQLConfig": {"DBName": "mlpipeline"},
    "ConMaxLifeTime": "120s"
  },
  "ObjectStoreConfig": {"BucketName": "mlpipeline", "PipelinePath": "pipelines"},
  "DBDriverName": "mysql",
  "ARCHIVE_CONFIG_LOG_FILE_NAME": "main.log",
  "ARCHIVE_CONFIG_LOG_PATH_PREFIX": "/artifacts",
  "InitConnectionTimeout": "6m",
  "DEFAULTPIPELINERUNNERSERVICEACCOUNT": "pipeline-runner",
  "CacheEnabled": "true",
  "CRON_SCHEDULE_TIMEZONE": "UTC"
}
"""
"""The API server's own defaults without its plugin for MLflow: Atlas's steps log their runs."""


def declare(platform: ClusterPlatform) -> ClusterService:
    """Declare Kubeflow Pipelines."""
    settings = platform.settings
    names = MULTI if settings.multi_user else SINGLE
    rendered = [one for name in names for one in platform.rendered(NAME, name)]
    passwords = {
        "store": settings.secrets.password("kubeflow-store"),
        "database": settings.secrets.password("kubeflow-database"),
    }
    found = manifests(
        rendered,
        passwords,
        database=settings.kubeflow_database,
        replicas=settings.size.replicas,
        multi_user=settings.multi_user,
    )
    version = next(iter(platform_version(rendered)), "")
    if settings.multi_user:
        # Istio and Kubeflow's own accounts ask who comes, and their gateway is the way in.
        url = f"http://{API}.{NAMESPACE}.svc:{PORT}"
        space = {"namespace": settings.teams[0].name} if settings.teams else {}
        secret_name = settings.credentials.get(NAME)
        output = ServiceOutput.at("kfp", url, credentials=secret_name, version=version, **space)
    else:
        url = GATEWAY.url
        found += GATEWAY.manifests(platform)
        output = platform.output(NAME, url, NAME, version=version)
    return platform.declare(NAME, "Kubeflow", found, url, services={NAME: output})


def platform_version(rendered: list[Manifest]) -> list[str]:
    """Return the version that the manifests say they are of."""
    return [
        str(one["data"]["appVersion"])
        for one in rendered
        if one["metadata"]["name"] == "pipeline-install-config"
    ]


def manifests(
    rendered: list[Manifest],
    passwords: dict[str, pulumi.Output[str]],
    *,
    database: str,
    replicas: int,
    multi_user: bool,
) -> list[Manifest]:
    """Return the objects, given the official ones.

    Args:
        rendered: the official objects.
        passwords: those of the ``store`` and the ``database``.
        database: ``host:port`` of a MySQL of one's own; empty for the one that they bring.
        replicas: how many there are of the servers that keep nothing.
        multi_user: whether the rendering is that of multi-user mode.
    """
    found = [one for one in rendered if one["kind"] != "Namespace"]
    if not multi_user:
        found = patches.without(found, *V1_CACHE)
    for role, why in EXCUSED.items() if multi_user else ():
        found = patches.excused(found, role, "K009", why)
    found = patches.changed(found, f"Deployment {API}", _api_server)
    found = with_containers(found, _asked)
    found = patches.with_replicas(found, dict.fromkeys(_REPLICATED, replicas))
    found = [_least(one) for one in found]
    found = patches.without(found, f"Secret {_STORE}", f"Secret {_DATABASE}")
    found = _database(found, database, passwords["database"])
    return [
        *found,
        config_map(_CONFIG, NAMESPACE, {"config.json": _API_CONFIG}),
        secret(_STORE, NAMESPACE, {"accesskey": "atlas", "secretkey": passwords["store"]}),
        secret(_DATABASE, NAMESPACE, {"username": "root", "password": passwords["database"]}),
        *budgets(found),
    ]


def _least(manifest: Manifest) -> Manifest:
    """Return the role of steps with what the second version's steps do, and nothing more.

    The official one may do everything to pods, jobs and deployments, and read every Secret.
    """
    is_steps = manifest["kind"] == "Role" and manifest["metadata"]["name"] == "pipeline-runner"
    return {**manifest, "rules": [dict(rule) for rule in _STEPS]} if is_steps else manifest


def _api_server(manifest: Manifest) -> None:
    """Give the API server a configuration without the plugin for MLflow."""
    pod = pod_of(manifest) or {}
    (server,) = pod["containers"]
    server.setdefault("volumeMounts", []).append(
        {"name": _CONFIG, "mountPath": "/config/config.json", "subPath": "config.json"}
    )
    pod.setdefault("volumes", []).append({"name": _CONFIG, "configMap": {"name": _CONFIG}})


def _asked(container: Container) -> None:
    """Have a container that listens asked how it is, where nobody does."""
    probes = ("readinessProbe", "livenessProbe", "startupProbe")
    ports = container.get("ports") or []
    if ports and not any(name in container for name in probes):
        port = ports[0]["containerPort"]
        container["readinessProbe"] = {"tcpSocket": {"port": port}, "periodSeconds": 10}


def _database(
    manifests: list[Manifest], address: str, password: pulumi.Output[str]
) -> list[Manifest]:
    """Return objects whose database is one's own, or the one that they bring, with a password."""
    if not address:
        return patches.changed(manifests, "Deployment mysql", lambda one: _protected(one, password))
    host, _, port = address.partition(":")

    def elsewhere(manifest: Manifest) -> None:
        manifest["data"] |= {"mysqlHost": host, "mysqlPort": port}

    found = patches.without(manifests, *MYSQL)
    return patches.changed(found, "ConfigMap pipeline-install-config", elsewhere)


def _protected(manifest: Manifest, password: pulumi.Output[str]) -> None:
    """Give MySQL's root a password, in place of none."""
    pod = pod_of(manifest) or {}
    (server,) = pod["containers"]
    key = {"secretKeyRef": {"name": _DATABASE, "key": "password"}}
    server["env"] = [{"name": "MYSQL_ROOT_PASSWORD", "valueFrom": key}]
    server["readinessProbe"] = {"tcpSocket": {"port": 3306}, "periodSeconds": 10}
    template: dict[str, Any] = manifest["spec"]["template"]["metadata"]
    template["annotations"] = {
        **(template.get("annotations") or {}),
        CHECKSUM: fingerprint(password),
    }
