"""Small services of the platform's own as plain objects: pods, volumes, addresses, ways in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.kubernetes.secrets import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from infra.kubernetes.settings import IngressSettings
    from infra.manifests.objects import Manifest

PART_OF = "app.kubernetes.io/part-of"
NAME = "app.kubernetes.io/name"
CHECKSUM = "atlas/secret"
"""The annotation of pods by which they start again when a secret of theirs changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodServer:
    """A server that is one kind of pod.

    Attributes:
        name: its name, which is that of its objects as well.
        namespace: its namespace.
        image: its image.
        port: the port it listens on; 0 for a job.
        user: the number of the user that it runs as.
        args: its arguments.
        command: what runs in place of the image's entry point; empty for that.
        env: its variables, by name: a text, or ``{"secretKeyRef": …}``.
        probe: how it is asked whether it is ready, and alive.
        volume: path of its data; empty when it keeps none.
        files: path → name of the Secret whose keys are the files there.
        replicas: how many there are; one with data is one alone.
        checksum: what its pods start again for when it changes.
        migration: the command that its pods run to the end before the server, such as a migration
            of its database; the pods of before are gone by then.
    """

    name: str
    namespace: str
    image: str
    port: int
    user: int
    args: Sequence[str] = ()
    command: Sequence[str] = ()
    env: Mapping[str, Any] = field(default_factory=dict)
    probe: Mapping[str, Any] = field(default_factory=dict)
    volume: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 1
    checksum: Any = None
    migration: Sequence[str] = ()

    def address(self) -> str:
        """Return the address of its service inside the cluster, without a scheme."""
        return f"{self.name}.{self.namespace}.svc:{self.port}"


def labels(name: str) -> dict[str, str]:
    """Return the labels of a service's objects."""
    return {NAME: name, PART_OF: "atlas", "app.kubernetes.io/managed-by": "pulumi"}


def metadata(name: str, namespace: str, **more: Any) -> dict[str, Any]:
    """Return the metadata of an object."""
    return {"name": name, "namespace": namespace, "labels": labels(name), **more}


def secret(name: str, namespace: str, data: Mapping[str, Any], type_: str = "Opaque") -> Manifest:
    """Return a Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(name, namespace),
        "type": type_,
        "stringData": dict(data),
    }


def config_map(name: str, namespace: str, data: Mapping[str, Any], **more: Any) -> Manifest:
    """Return a ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(name, namespace, **more),
        "data": dict(data),
    }


def key_of(secret_name: str, key: str) -> dict[str, Any]:
    """Return the value of a variable that is a key of a Secret."""
    return {"secretKeyRef": {"name": secret_name, "key": key}}


def server(spec: PodServer) -> list[Manifest]:
    """Return the objects of a server: its account, its pods, its address, its budget."""
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(spec.name, spec.namespace),
        "automountServiceAccountToken": False,
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(spec.name, spec.namespace),
        "spec": {
            "selector": {NAME: spec.name},
            "ports": [{"name": "http", "port": spec.port, "targetPort": spec.port}],
        },
    }
    return [account, _stateful(spec) if spec.volume else _stateless(spec), service, *_budget(spec)]


def _stateless(spec: PodServer) -> Manifest:
    """Return the Deployment of a server that keeps nothing."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(spec.name, spec.namespace),
        "spec": {
            "replicas": spec.replicas,
            **({"strategy": {"type": "Recreate"}} if spec.migration else {}),
            "selector": {"matchLabels": {NAME: spec.name}},
            "template": _template(spec),
        },
    }


def _stateful(spec: PodServer) -> Manifest:
    """Return the StatefulSet of a server that keeps its data on a volume."""
    volume = {
        "metadata": {"name": spec.name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(spec.name, spec.namespace),
        "spec": {
            "replicas": 1,
            "serviceName": spec.name,
            "selector": {"matchLabels": {NAME: spec.name}},
            "template": _template(spec),
            "volumeClaimTemplates": [volume],
        },
    }


def job(spec: PodServer, name: str) -> Manifest:
    """Return a Job that runs a container once, and again as another Job when its name changes."""
    template = _template(spec)
    template["spec"]["restartPolicy"] = "OnFailure"
    template["spec"].pop("serviceAccountName")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(name, spec.namespace),
        "spec": {"backoffLimit": 12, "template": template},
    }


def _template(spec: PodServer) -> dict[str, Any]:
    """Return the template of a server's pods."""
    mounts = [{"name": f"files-{n}", "mountPath": path} for n, path in enumerate(spec.files)]
    data = [{"name": spec.name, "mountPath": spec.volume}] if spec.volume else []
    volumes = [
        {"name": f"files-{n}", "secret": {"secretName": name}}
        for n, name in enumerate(spec.files.values())
    ]
    checksum = None if spec.checksum is None else {CHECKSUM: fingerprint(spec.checksum)}
    probe = dict(spec.probe)
    alive = {**probe, **_PATIENT}
    scratch = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - the container's own
    container = {
        "name": spec.name,
        "image": spec.image,
        **({"command": list(spec.command)} if spec.command else {}),
        "args": list(spec.args),
        "env": [variable(name, value) for name, value in spec.env.items()],
        **({"ports": [{"name": "http", "containerPort": spec.port}]} if spec.port else {}),
        **({"readinessProbe": probe, "livenessProbe": alive} if probe else {}),
        "volumeMounts": [*data, *mounts, scratch],
        "securityContext": {"readOnlyRootFilesystem": True},
    }
    return {
        "metadata": {
            "labels": labels(spec.name),
            **({"annotations": checksum} if checksum else {}),
        },
        "spec": {
            "serviceAccountName": spec.name,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsUser": spec.user,
                "runAsGroup": spec.user,
                "fsGroup": spec.user,
                "fsGroupChangePolicy": "OnRootMismatch",
            },
            **_first(spec, container),
            "containers": [container],
            "volumes": [*volumes, {"name": "tmp", "emptyDir": {}}],
        },
    }


def _first(spec: PodServer, container: Mapping[str, Any]) -> dict[str, Any]:
    """Return what runs before a server: its migration, with all that it has but its port."""
    if not spec.migration:
        return {}
    kept = ("image", "env", "volumeMounts", "securityContext")
    own = {key: container[key] for key in kept}
    return {"initContainers": [{"name": "migrate", "command": list(spec.migration), **own}]}


_PATIENT = {"initialDelaySeconds": 60, "periodSeconds": 20, "failureThreshold": 6}


def variable(name: str, value: Any) -> dict[str, Any]:
    """Return a variable: a text, or what it is taken from."""
    return {"name": name, "valueFrom" if isinstance(value, dict) else "value": value}


def _budget(spec: PodServer) -> list[Manifest]:
    """Return what keeps a server of several replicas from being evicted as a whole."""
    if spec.replicas == 1:
        return []
    return [budget(spec.name, spec.namespace, {NAME: spec.name})]


def budget(name: str, namespace: str, selector: Mapping[str, str]) -> Manifest:
    """Return a PodDisruptionBudget: one pod may be gone at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(name, namespace),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": dict(selector)}},
    }


def budgets(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return a budget for each server among objects that has several replicas."""
    return [
        budget(
            one["metadata"]["name"],
            one["metadata"]["namespace"],
            one["spec"]["template"]["metadata"]["labels"],
        )
        for one in manifests
        if one["kind"] in ("Deployment", "StatefulSet") and one["spec"].get("replicas", 1) > 1
    ]


def ingress(
    settings: IngressSettings, service: str, namespace: str, backend: str, port: int
) -> list[Manifest]:
    """Return the way in to a service from outside of the cluster, over TLS; none without a domain.

    Args:
        settings: how services are reached from outside.
        service: the name in front of the domain.
        namespace: the namespace of the backend.
        backend: name of the Service.
        port: its port.
    """
    host = settings.host(service)
    if not host:
        return []
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": backend, "port": {"number": port}}},
    }
    annotations = {"cert-manager.io/cluster-issuer": settings.issuer} if settings.issuer else {}
    tls = settings.tls_secret or f"{service}-tls"
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": metadata(service, namespace, annotations=annotations),
            "spec": {
                **({"ingressClassName": settings.ingress_class} if settings.ingress_class else {}),
                "tls": [{"hosts": [host], "secretName": tls}],
                "rules": [{"host": host, "http": {"paths": [path]}}],
            },
        }
    ]
