"""The objects of a Kubernetes that Kubeflow Pipelines needs, made whenever it is brought up."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas_provider.cluster.api import ClusterApi

RUNNER = "pipeline-runner"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where programs in pods find their account; those beside pods are told that they are in one."""
AGENTS = Path("/var/run/secrets/kubeflow/tokens")
"""Where Kubeflow's agents look for theirs, whatever they are told."""
_AGENTS = ("persistenceagent", "scheduledworkflow")
_SECONDS = 180.0
_CORE, _RIGHTS = "/api/v1", "/apis/rbac.authorization.k8s.io/v1"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, kw_only=True)
class KubeflowObjects:
    """What these objects say.

    Attributes:
        namespace: where Kubeflow and its runs are.
        steps: the namespaces that steps of Atlas run in.
        definitions: files with definitions of custom resources.
        roles: files with what pods of runs may do.
        bucket: the bucket for Kubeflow's own artifacts.
        metadata: port of the metadata store.
        user: who may use the object store.
        password: its password.
        platform: the variables by which steps know the platform.
        files: text by name: what steps find in ``/var/run/secrets/atlas``.
    """

    namespace: str
    steps: Sequence[str]
    definitions: Sequence[str]
    roles: Sequence[str]
    bucket: str
    metadata: int
    user: str
    password: str
    platform: Mapping[str, str]
    files: Mapping[str, str]


def define(api: ClusterApi, files: Sequence[str | Path]) -> None:
    """Define custom resources, and wait until they are served.

    Raises:
        RuntimeError: they aren't, in three minutes.
    """
    names = []
    for path in files:
        definition = yaml.safe_load(Path(path).read_text("utf-8"))
        api.apply(_DEFINITIONS, definition)
        names.append(definition["metadata"]["name"])
    for name in names:
        _await_served(api, name)


def _await_served(api: ClusterApi, name: str) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        with suppress(OSError):
            conditions = api.ask(f"{_DEFINITIONS}/{name}").get("status", {}).get("conditions") or []
            if any((one["type"], one["status"]) == ("Established", "True") for one in conditions):
                return
        time.sleep(0.05)
    raise RuntimeError(f"{name}: isn't served after {_SECONDS:.0f} s")


def write_accounts(api: ClusterApi, namespace: str) -> None:
    """Write what programs look for that take themselves to be in a pod."""
    for folder in (ACCOUNT, AGENTS):
        folder.mkdir(parents=True, exist_ok=True)
    (ACCOUNT / "token").write_text(api.token)
    (ACCOUNT / "namespace").write_text(namespace)
    (ACCOUNT / "ca.crt").write_bytes(api.authority.read_bytes())
    for name in _AGENTS:
        (AGENTS / f"{name}-sa-token").write_text(api.token)


def make_namespace(api: ClusterApi, name: str) -> None:
    """Make a namespace."""
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    api.apply(f"{_CORE}/namespaces", manifest)


def make(api: ClusterApi, known: KubeflowObjects) -> None:
    """Make what Kubeflow's own manifests make for runs, and what Atlas's steps need."""
    opens = {"accesskey": known.user, "secretkey": known.password}
    objects: list[tuple[str, str, dict[str, Any]]] = [
        ("ServiceAccount", RUNNER, {}),
        ("Secret", "mlpipeline-minio-artifact", {"stringData": opens}),
        *(("ConfigMap", name, {"data": data}) for name, data in _config_maps(known).items()),
    ]
    for path in known.roles:
        role = yaml.safe_load(Path(path).read_text("utf-8"))
        objects.append(("Role", RUNNER, {"rules": role["rules"]}))
    subject = {"kind": "ServiceAccount", "name": RUNNER, "namespace": known.namespace}
    given = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": RUNNER}
    objects.append(("RoleBinding", RUNNER, {"roleRef": given, "subjects": [subject]}))
    make_namespace(api, known.namespace)
    for kind, name, fields in objects:
        api.apply(*_object(known.namespace, kind, name, fields))
    for namespace in known.steps:
        make_namespace(api, namespace)
        for kind, fields in (
            ("ConfigMap", {"data": dict(known.platform)}),
            ("Secret", {"stringData": dict(known.files)}),
        ):
            api.apply(*_object(namespace, kind, "atlas-platform", fields))


def _config_maps(known: KubeflowObjects) -> dict[str, dict[str, str]]:
    off = json.dumps({"enabled": False})
    return {
        "metadata-grpc-configmap": {
            "METADATA_GRPC_SERVICE_HOST": "metadata-grpc-service",
            "METADATA_GRPC_SERVICE_PORT": str(known.metadata),
        },
        "kfp-launcher": {"defaultPipelineRoot": f"minio://{known.bucket}/v2/artifacts"},
        "workflow-controller-configmap": {
            "executor": json.dumps({"imagePullPolicy": "IfNotPresent"}),
            "metricsConfig": off,
            "telemetryConfig": off,
        },
    }


def _object(
    namespace: str, kind: str, name: str, fields: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return where objects of a kind are, and one of them."""
    is_right = kind.startswith("Role")
    version = "rbac.authorization.k8s.io/v1" if is_right else "v1"
    place = f"{_RIGHTS if is_right else _CORE}/namespaces/{namespace}/{kind.lower()}s"
    metadata = {"name": name, "namespace": namespace}
    return place, {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}
