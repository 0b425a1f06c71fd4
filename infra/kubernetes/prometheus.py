"""Prometheus and Alertmanager on the cluster: the official operator's manifests, patched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from infra.kubernetes.gateway import Gateway
from infra.kubernetes.objects import OPERATES
from infra.kubernetes.workloads import config_map
from infra.manifests import patches
from infra.manifests.pods import pod_of
from infra.outputs import ServiceOutput
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.kubernetes.services import ClusterPlatform, ClusterService
    from infra.kubernetes.sizes import PlatformSize
    from infra.manifests.objects import Manifest

NAME = "prometheus"
NAMESPACE = "monitoring"
_STACK = "kps-kube-prometheus-stack"
_SERVER = f"Prometheus {_STACK}-prometheus"
_ALERTMANAGER = f"Alertmanager {_STACK}-alertmanager"
_OPERATOR = f"Deployment {_STACK}-operator"
NODE_EXPORTER = (
    "DaemonSet kps-prometheus-node-exporter",
    "Service kps-prometheus-node-exporter",
    "ServiceAccount kps-prometheus-node-exporter",
    "ServiceMonitor kps-prometheus-node-exporter",
)
"""What reads every node's disks and processes, which no pod of a restricted namespace may."""
DASHBOARDS = ("platform", "pipelines", "pipeline", "model")
_EVERYTHING = "runs the pods, disks and secrets of Prometheus and Alertmanager"


def gateways() -> dict[str, Gateway]:
    """Return the ways in to Prometheus and Alertmanager, by service."""
    return {
        name: Gateway(
            service=name,
            namespace=NAMESPACE,
            routes={"/": f"{_STACK}-{name}.{NAMESPACE}.svc:{port}"},
        )
        for name, port in _PORTS.items()
    }


def declare(platform: ClusterPlatform) -> ClusterService:
    """Declare the operator, Prometheus, Alertmanager, the cluster's rules and the dashboards."""
    settings, ways = platform.settings, gateways()
    found = manifests(platform.rendered(NAME, "operator"), settings.size, settings.storage_class)
    for name, title in ((NAME, _SERVER), ("alertmanager", _ALERTMANAGER)):
        found = patches.changed(found, title, _linked_to(ways[name].public_url(platform)))
    version = _version(found)
    services = {
        name: platform.output(name, way.url, name, version=version if name == NAME else "")
        for name, way in ways.items()
    }
    services["rules"] = ServiceOutput.at("prometheusrules", rules_url(settings.context))
    objects = [*found, *(one for way in ways.values() for one in way.manifests(platform))]
    return platform.declare(NAME, "Prometheus", objects, ways[NAME].url, services=services)


def rules_url(context: str) -> str:
    """Return where rules of deployments go, for the operator to select them.

    Args:
        context: that of the kubeconfig by which the cluster is reached; empty for the current one.
    """
    query = {**({"context": context} if context else {}), "label": "release=kps"}
    return f"kubernetes://{NAMESPACE}?{urlencode(query)}"


_PORTS = {"prometheus": 9090, "alertmanager": 9093}


def manifests(rendered: list[Manifest], size: PlatformSize, storage_class: str) -> list[Manifest]:
    """Return the objects, given the official ones."""
    found = [one for one in patches.without(rendered, *NODE_EXPORTER) if not _of_nodes(one)]
    found = patches.changed(found, _SERVER, lambda one: _sized(one, size, storage_class, NAME))
    found = patches.changed(
        found, _ALERTMANAGER, lambda one: _sized(one, size, storage_class, "alertmanager")
    )
    found = patches.changed(found, _OPERATOR, _reloader)
    found = patches.changed(found, _OPERATOR, _operates)
    found = patches.excused(found, f"ClusterRole {_STACK}-operator", "K009", _EVERYTHING)
    return [*found, *dashboards()]


def _linked_to(url: str) -> Callable[[Manifest], None]:
    """Return what makes a server of the operator's name an address in the links that it gives."""

    def change(manifest: Manifest) -> None:
        manifest["spec"]["externalUrl"] = url

    return change


def _of_nodes(manifest: Manifest) -> bool:
    """Tell whether an object is a rule over the metrics of the node exporter."""
    is_rule = manifest["kind"] == "PrometheusRule"
    return is_rule and "node-exporter" in manifest["metadata"]["name"]


def _sized(manifest: Manifest, size: PlatformSize, storage_class: str, name: str) -> None:
    """Give a server of the operator's its replicas, its room and a volume."""
    volume: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size.volumes[name]}},
        **({"storageClassName": storage_class} if storage_class else {}),
    }
    manifest["spec"] |= {
        "replicas": size.replicas,
        "resources": dict(size.containers[name]),
        "storage": {"volumeClaimTemplate": {"spec": volume}},
    }


def _reloader(manifest: Manifest) -> None:
    """Give the containers that the operator adds to its servers requests and a limit."""
    pod = pod_of(manifest) or {}
    arguments = pod["containers"][0]["args"]
    own = {"cpu-request": "10m", "memory-request": "32Mi", "memory-limit": "128Mi"}
    flags = {f"--config-reloader-{name}": value for name, value in own.items()}
    kept = [one for one in arguments if one.partition("=")[0] not in flags]
    pod["containers"][0]["args"] = [*kept, *(f"{flag}={value}" for flag, value in flags.items())]


def _operates(manifest: Manifest) -> None:
    """Say which group's objects need the operator."""
    own = manifest["metadata"]
    own["annotations"] = {**(own.get("annotations") or {}), OPERATES: "monitoring.coreos.com"}


def dashboards() -> list[Manifest]:
    """Return the dashboards, where the sidecar of a Grafana of one's own finds them."""
    found = []
    for name in DASHBOARDS:
        data = ServiceData.folder("grafana") / f"{name}.json"
        text = json.dumps(json.loads(data.read_text("utf-8")), separators=(",", ":"))
        made = config_map(f"dashboard-{name}", NAMESPACE, {f"atlas-{name}.json": text})
        made["metadata"]["labels"]["grafana_dashboard"] = "1"
        found.append(made)
    return found


def _version(found: list[Manifest]) -> str:
    """Return Prometheus's version."""
    (server,) = [one for one in found if one["kind"] == "Prometheus"]
    return str(server["spec"]["version"]).removeprefix("v").partition("-")[0]
