"""What is looked at before anything is made on a cluster, previews too.

Everything that is wrong is reported at once, and nothing has been made then.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pulumi

from infra.kubernetes.api_server import METADATA, ApiServer, Asked
from infra.kubernetes.demand import Demand, amount, demands
from infra.kubernetes.namespaces import PLATFORM
from infra.kubernetes.workloads import PART_OF

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from infra.kubernetes.settings import ClusterSettings
    from infra.manifests.objects import Manifest

OLDEST = (1, 30)
"""The oldest version of Kubernetes that the official manifests take."""
NEEDED_RIGHTS = (
    ("create", "", "namespaces"),
    ("create", "", "secrets"),
    ("create", "apps", "deployments"),
    ("create", "apiextensions.k8s.io", "customresourcedefinitions"),
    ("create", "rbac.authorization.k8s.io", "clusterroles"),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    ("create", "networking.k8s.io", "networkpolicies"),
)
"""Verb, group and resource of what the platform's objects need of whoever makes them."""
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_OPERATOR_VERSION = "operator.prometheus.io/version"


def require(settings: ClusterSettings, planned: Sequence[Manifest]) -> None:
    """Refuse a cluster on which the platform couldn't be made.

    Args:
        settings: the stack's settings.
        planned: all objects that are going to be made.

    Raises:
        pulumi.RunError: with all that is wrong, what was expected, and what to do.
    """
    server = ApiServer.of(settings.kubeconfig, settings.context)
    found = problems(server, settings, planned)
    if found:
        lines = "".join(f"\n  - {one}" for one in found)
        raise pulumi.RunError(f"{server.where}: can't take the platform; nothing was made:{lines}")
    for warning in shortages(server, planned):
        pulumi.log.warn(f"{server.where}: {warning}")


def problems(server: Asked, settings: ClusterSettings, planned: Sequence[Manifest]) -> list[str]:
    """Return what is wrong with a cluster, each with what to do about it.

    Raises:
        pulumi.RunError: it doesn't answer, or doesn't take the credentials.
    """
    old = _version(server.get("/version"))
    if old:
        return [old]
    rights = [*_rights(server)]
    if rights:
        return rights
    spaces = {one["metadata"]["name"]: one for one in _items(server, "/api/v1/namespaces")}
    own = [one["metadata"]["name"] for one in planned if one["kind"] == "Namespace"]
    return [
        *_storage(server, settings.storage_class, planned),
        *_namespaces(spaces, own, settings.stack),
        *_definitions(server, planned),
        *_missing_kinds(server, planned),
        *_quotas(server, [name for name in own if name in spaces], demands(planned)),
    ]


def _version(found: Mapping[str, Any]) -> str:
    """Return what is wrong with the version; empty for nothing."""
    text = str(found.get("gitVersion", ""))
    numbers = re.match(r"v?(\d+)\.(\d+)", text)
    if numbers and (int(numbers[1]), int(numbers[2])) >= OLDEST:
        return ""
    oldest = ".".join(map(str, OLDEST))
    return f"found Kubernetes {text or 'of no version'}; expected {oldest} or newer: upgrade it"


def _rights(server: Asked) -> Iterator[str]:
    """Yield what the kubeconfig's user may not do, and has to."""
    missing = [
        f"{verb} {resource}"
        for verb, group, resource in NEEDED_RIGHTS
        if not server.may(verb, group, resource)
    ]
    if missing:
        yield (
            f"the kubeconfig's user may not {', '.join(missing)}; expected the rights of an "
            "administrator: the ClusterRole cluster-admin, for the time of the update"
        )


def _storage(server: Asked, wanted: str, planned: Sequence[Manifest]) -> Iterator[str]:
    """Yield what is wrong with the class of volumes."""
    if not any(demand.storage for demand in demands(planned).values()):
        return
    classes = {
        one["metadata"]["name"]: (one["metadata"].get("annotations") or {}).get(_IS_DEFAULT)
        for one in _items(server, _CLASSES)
    }
    there = f"found {', '.join(sorted(classes)) or 'none'}"
    if wanted and wanted not in classes:
        remedy = "name one of those" if classes else "install a provisioner and a class of it"
        yield f"atlas:storageClass: '{wanted}' isn't there: {there}; {remedy}"
    if not wanted and "true" not in classes.values():
        yield (
            f"no storage class is the default: {there}; name one in atlas:storageClass, or make "
            f"one the default (annotation {_IS_DEFAULT})"
        )


def _namespaces(
    spaces: Mapping[str, Mapping[str, Any]], own: Sequence[str], stack: str
) -> Iterator[str]:
    """Yield each namespace that is somebody else's, or is being deleted."""
    for name in own:
        if name not in spaces:
            continue
        metadata = spaces[name]["metadata"]
        owner = (metadata.get("labels") or {}).get(PLATFORM)
        if metadata.get("deletionTimestamp"):
            yield (
                f"namespace {name} is being deleted; wait until it is gone: `kubectl get namespace "
                f"{name} -o yaml` says what keeps it (finalizers)"
            )
        elif owner != stack:
            whose = f"of the platform '{owner}'" if owner else "and isn't of this platform"
            yield (
                f"namespace {name} is there {whose}; expected none, or one that was handed over: "
                f"`kubectl label namespace {name} {PLATFORM}={stack} --overwrite`"
            )


def _definitions(server: Asked, planned: Sequence[Manifest]) -> Iterator[str]:
    """Yield each definition of a kind that is somebody else's, newer, or being deleted."""
    own = {
        one["metadata"]["name"]: one for one in planned if one["kind"] == "CustomResourceDefinition"
    }
    there = _items(server, _DEFINITIONS, METADATA) if own else []
    for one in there:
        metadata = one["metadata"]
        name, labels = metadata["name"], metadata.get("labels") or {}
        if name not in own:
            continue
        if metadata.get("deletionTimestamp"):
            yield f"definition {name} is being deleted; wait until it and its objects are gone"
            continue
        found, new = _version_of(metadata), _version_of(own[name]["metadata"])
        versions = f" (version {found}; this platform's is {new})" if found and new else ""
        if labels.get(PART_OF) != "atlas":
            owner = labels.get("app.kubernetes.io/managed-by") or "somebody else"
            yield (
                f"definition {name} is there, made by {owner}{versions}; expected none: name the "
                "service that it is of in the settings instead of having one made, or hand it "
                f"over: `kubectl label crd {name} {PART_OF}=atlas --overwrite`"
            )
        elif found and new and _numbers(found) > _numbers(new):
            yield (
                f"definition {name} is newer{versions}; expected an older or equal one: use the "
                "Atlas that made it, or a newer one"
            )


def _missing_kinds(server: Asked, planned: Sequence[Manifest]) -> Iterator[str]:
    """Yield each group of kinds that objects are of and nothing defines."""
    defined = {one["spec"]["group"] for one in planned if one["kind"] == "CustomResourceDefinition"}
    groups = {one["apiVersion"].partition("/")[0] for one in planned if "/" in one["apiVersion"]}
    served = {one["name"] for one in server.get("/apis").get("groups") or []}
    for group in sorted(groups - defined - served):
        yield (
            f"objects of {group} are going to be made, and the cluster doesn't know that group; "
            f"expected what defines it to be installed first{_HINTS.get(group, '')}"
        )


_HINTS = {
    "postgresql.cnpg.io": ": the operator CloudNativePG, or leave atlas:cloudnative-pg on",
    "monitoring.coreos.com": ": Prometheus's operator, or leave atlas:prometheus on",
    "networking.istio.io": ": Istio, which Kubeflow's multi-user mode needs",
    "security.istio.io": ": Istio, which Kubeflow's multi-user mode needs",
    "cert-manager.io": ": cert-manager",
    "metacontroller.k8s.io": ": Metacontroller, which Kubeflow's multi-user mode needs",
}


def _quotas(server: Asked, own: Sequence[str], wanted: Mapping[str, Demand]) -> Iterator[str]:
    """Yield each quota of a namespace that allows less than what is going to be there."""
    for name in own:
        demand = wanted.get(name)
        if demand is None:
            continue
        asked = demand.by_quota()
        for quota in _items(server, f"/api/v1/namespaces/{name}/resourcequotas"):
            hard = (quota.get("spec") or {}).get("hard") or {}
            for key, limit in sorted(hard.items()):
                if key in asked and amount(str(limit)) < asked[key]:
                    yield (
                        f"quota {quota['metadata']['name']} of namespace {name} allows {limit} of "
                        f"{key}; expected {Demand.text(key, asked[key])} or more: raise it, or "
                        "switch services off"
                    )


def shortages(server: Asked, planned: Sequence[Manifest]) -> Iterator[str]:
    """Yield what the nodes of now haven't enough of; others may come by themselves."""
    nodes = [
        one["status"].get("allocatable") or {}
        for one in _items(server, "/api/v1/nodes")
        if not (one.get("spec") or {}).get("unschedulable")
    ]
    wanted = demands(planned).values()
    for key, asked in (
        ("cpu", sum((one.cpu for one in wanted), Decimal(0))),
        ("memory", sum((one.memory for one in wanted), Decimal(0))),
    ):
        there = sum((amount(str(node.get(key, "0"))) for node in nodes), Decimal(0))
        if there < asked:
            yield (
                f"its {len(nodes)} nodes have {Demand.text(key, there)} of {key}, and the platform "
                f"asks for {Demand.text(key, asked)}; pods wait until there are more"
            )


def _items(server: Asked, path: str, accept: str = "application/json") -> list[dict[str, Any]]:
    """Return the items of a list."""
    return list(server.get(path, accept).get("items") or [])


def _version_of(metadata: Mapping[str, Any]) -> str:
    """Return the version that a definition says it is of; empty for none."""
    annotations = metadata.get("annotations") or {}
    return str(annotations.get(_OPERATOR_VERSION) or "")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]
