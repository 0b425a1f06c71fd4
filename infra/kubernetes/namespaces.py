"""Namespaces, and what goes over the network between them: nothing that isn't allowed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.kubernetes.workloads import NAME, labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.kubernetes.settings import Reached
    from infra.manifests.objects import Manifest

PLATFORM = "atlas/platform"
"""The label of a platform's namespaces: its stack."""
TEAM = "atlas/team"
"""The label of the namespaces of teams: the team. No team reaches another's pods."""
DENIED = "default-deny"
"""The policy that denies everything: nothing is made in a namespace before it is there."""
_METADATA = "kubernetes.io/metadata.name"
_PODS = "pod-security.kubernetes.io"
_API_PORTS = (443, 6443)
_KUBELET = 10250


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformNamespace:
    """A namespace of the platform.

    Attributes:
        name: its name.
        runs_steps: whether pipelines' steps run in it: then pods that don't fit the Pod Security
            Standard ``restricted`` are warned of, and only those that don't fit ``baseline``
            refused; for what is in a step's pod is said by its image and by the orchestrator.
        has_ingress: whether the ingress controller gets in.
        scrapes: whether what is in it asks every node's kubelet and the cluster's own servers.
        entrances: names of the servers that may be reached from other namespaces, for the others
            ask nobody for a password; empty for all.
        webhooks: the port on which the API server asks what is in it; 0 for none.
        team: the team whose it is; empty for the platform's own.
    """

    name: str
    runs_steps: bool = False
    has_ingress: bool = False
    scrapes: bool = False
    entrances: tuple[str, ...] = ()
    webhooks: int = 0
    team: str = ""


def namespace(
    spec: PlatformNamespace, stack: str, controller: str, reached: Sequence[Reached] = ()
) -> list[Manifest]:
    """Return a namespace, and the policies of its network.

    Args:
        spec: the namespace.
        stack: the platform's stack.
        controller: the namespace of the ingress controller.
        reached: what its pods may reach outside of the cluster besides.
    """
    enforced = "baseline" if spec.runs_steps else "restricted"
    security = {
        f"{_PODS}/enforce": enforced,
        f"{_PODS}/warn": "restricted",
        f"{_PODS}/audit": "restricted",
    }
    itself = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": spec.name,
            "labels": {
                **labels(spec.name),
                PLATFORM: stack,
                **({TEAM: spec.team} if spec.team else {}),
                **security,
            },
        },
    }
    return [itself, *_policies(spec, stack, controller, reached)]


def _policies(
    spec: PlatformNamespace, stack: str, controller: str, reached: Sequence[Reached]
) -> list[Manifest]:
    """Return the policies of a namespace: all denied, then what is allowed."""
    system = {"namespaceSelector": {"matchLabels": {_METADATA: "kube-system"}}}
    dns = [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    entrance = {"namespaceSelector": {"matchLabels": {_METADATA: controller}}}
    api = [{"port": port, "protocol": "TCP"} for port in _API_PORTS]
    peers = _peers(spec, stack)
    itself: dict[str, Any] = {"podSelector": {}}
    selected = _entrances(spec)
    found = [
        _policy(spec, DENIED),
        _policy(spec, "allow-dns", egress=[{"to": [system], "ports": dns}]),
        _policy(spec, "allow-own", ingress=[{"from": [itself]}], egress=[{"to": [itself]}]),
        _policy(spec, "allow-platform-in", ingress=[{"from": [peers]}], pods=selected),
        _policy(spec, "allow-platform-out", egress=[{"to": [peers]}]),
        # The API server's address is known to no selector; S3 and git are elsewhere, too.
        _policy(spec, "allow-https", egress=[{"ports": api}]),
    ]
    if reached:
        outside = [
            {
                "to": [{"ipBlock": {"cidr": one.cidr}}],
                "ports": [{"port": one.port, "protocol": "TCP"}],
            }
            for one in reached
        ]
        found.append(_policy(spec, "allow-outside", egress=outside))
    if spec.has_ingress:
        way = [{"from": [entrance]}]
        found.append(_policy(spec, "allow-ingress-controller", ingress=way, pods=selected))
    if spec.webhooks:
        # The API server isn't a pod, and known to no selector.
        asked = {"ports": [{"port": spec.webhooks, "protocol": "TCP"}]}
        found.append(_policy(spec, "allow-webhooks", ingress=[asked]))
    if spec.scrapes:
        kubelet = {"ports": [{"port": _KUBELET, "protocol": "TCP"}]}
        found.append(_policy(spec, "allow-scraping", egress=[kubelet, {"to": [system]}]))
    return found


def _peers(spec: PlatformNamespace, stack: str) -> dict[str, Any]:
    """Return the namespaces that one speaks to: all of the platform, but no team with another."""
    own: dict[str, Any] = {"matchLabels": {PLATFORM: stack}}
    if spec.team:
        own["matchExpressions"] = [{"key": TEAM, "operator": "DoesNotExist"}]
    return {"namespaceSelector": own}


def _entrances(spec: PlatformNamespace) -> dict[str, Any]:
    """Return the selector of the pods that other namespaces may reach."""
    if not spec.entrances:
        return {}
    return {"matchExpressions": [{"key": NAME, "operator": "In", "values": [*spec.entrances]}]}


def _policy(
    spec: PlatformNamespace,
    name: str,
    ingress: Sequence[dict[str, Any]] = (),
    egress: Sequence[dict[str, Any]] = (),
    pods: Mapping[str, Any] | None = None,
) -> Manifest:
    """Return a NetworkPolicy for pods of a namespace, by default all; without rules, it denies."""
    denies = not (ingress or egress)
    types = [
        kind
        for kind, is_there in (("Ingress", ingress or denies), ("Egress", egress or denies))
        if is_there
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": spec.name, "labels": labels(name)},
        "spec": {
            "podSelector": dict(pods or {}),
            "policyTypes": types,
            **({"ingress": list(ingress)} if ingress else {}),
            **({"egress": list(egress)} if egress else {}),
        },
    }
