"""Policies about what is around pods in a cluster: K009 to K011."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.policies.resource import items, mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from atlas.errors import Problem
    from atlas.policies.resource import PlannedResource

_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_REPLICATED = ("Deployment", "StatefulSet")


def role_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K009 for each rule of a role by which everything may be done to something."""
    if not resource.is_object or resource.type not in _ROLES:
        return
    for number, rule in enumerate(map(mapping, items(resource.inputs.get("rules")))):
        wide = [name for name in ("verbs", "resources") if "*" in items(rule.get(name))]
        groups = ", ".join(str(group) or "core" for group in items(rule.get("apiGroups")))
        if wide:
            yield resource.problem(
                "K009",
                f"rules.{number}",
                f"the role has all {' of all '.join(wide)} of {groups or 'some addresses'}",
                expected="the verbs and resources that are needed, by name",
            )


def binding_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K009 for an account that may do everything, by the cluster's own role for that."""
    reference = mapping(resource.inputs.get("roleRef"))
    is_binding = resource.is_object and resource.type in _BINDINGS
    if is_binding and reference.get("name") == "cluster-admin":
        yield resource.problem(
            "K009",
            "roleRef",
            "the account may do everything (cluster-admin)",
            found="cluster-admin",
            expected="a role of its own",
        )


def _rights(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K009."""
    yield from role_problems(resource)
    yield from binding_problems(resource)


def open_namespaces(resources: Sequence[PlannedResource]) -> Iterator[Problem]:
    """Yield K010 for each namespace in which pods start and no policy denies what isn't allowed."""
    closed = {one.namespace for one in resources if _denies(one)}
    for resource in resources:
        is_namespace = resource.is_object and resource.type == "Namespace"
        name = str(resource.metadata.get("name") or "")
        if is_namespace and name not in closed and not resource.allows("K010"):
            yield resource.problem(
                "K010",
                "",
                "every pod of the cluster reaches those of the namespace, and they reach all",
                expected="a NetworkPolicy for all its pods that allows nothing, beside those "
                "that allow what is needed",
            )


def _denies(resource: PlannedResource) -> bool:
    """Tell whether an object is a NetworkPolicy that denies everything to all pods."""
    if not resource.is_object or resource.type != "NetworkPolicy":
        return False
    spec = resource.spec
    types = set(items(spec.get("policyTypes")))
    rules = items(spec.get("ingress")) + items(spec.get("egress"))
    return not mapping(spec.get("podSelector")) and types >= {"Ingress", "Egress"} and not rules


def evictions(resources: Sequence[PlannedResource]) -> Iterator[Problem]:
    """Yield K011 for each server of several replicas that an eviction may take away as a whole."""
    budgets = [
        (one.namespace, mapping(mapping(one.spec.get("selector")).get("matchLabels")))
        for one in resources
        if one.is_object and one.type == "PodDisruptionBudget"
    ]
    for resource in resources:
        if not _is_replicated(resource) or resource.allows("K011"):
            continue
        labels = _pod_labels(resource)
        if not any(space == resource.namespace and _fits(by, labels) for space, by in budgets):
            yield resource.problem(
                "K011",
                "spec.replicas",
                "all replicas may be evicted at once",
                found=str(resource.spec.get("replicas")),
                expected="a PodDisruptionBudget that selects its pods",
                severity="warning",
            )


def _is_replicated(resource: PlannedResource) -> bool:
    """Tell whether an object keeps several replicas."""
    replicas = resource.spec.get("replicas")
    is_server = resource.is_object and resource.type in _REPLICATED
    return is_server and isinstance(replicas, int | float) and replicas > 1


def _pod_labels(resource: PlannedResource) -> Mapping[str, Any]:
    """Return the labels of the pods that an object keeps."""
    template = mapping(resource.spec.get("template"))
    return mapping(mapping(template.get("metadata")).get("labels"))


def _fits(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Tell whether a selector, which isn't empty, selects pods with some labels."""
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())


RULES: Mapping[str, Callable[[PlannedResource], Iterator[Problem]]] = {"K009": _rights}
TOGETHER: Mapping[str, Callable[[Sequence[PlannedResource]], Iterator[Problem]]] = {
    "K010": open_namespaces,
    "K011": evictions,
}
