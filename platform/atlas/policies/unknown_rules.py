"""Policies about what a preview doesn't know yet, and rules would look at: K019."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.policies.resource import CONTAINERS, is_unknown, mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from atlas.errors import Problem
    from atlas.policies.resource import PlannedResource

_OF_PODS = (
    *("spec", "template", "jobTemplate", *CONTAINERS, "image", "imageName", "securityContext"),
    *("privileged", "capabilities", "add", "drop", "runAsNonRoot", "runAsUser", "seccompProfile"),
    *("allowPrivilegeEscalation", "resources", "requests", "limits", "cpu", "memory", "env"),
    *("hostNetwork", "hostPID", "hostIPC", "volumes", "hostPath", "ports", "replicas"),
)
_AROUND_PODS = (
    *("rules", "verbs", "roleRef", "ingress", "egress", "from", "ipBlock", "cidr", "podSelector"),
    *("policyTypes", "loadBalancerSourceRanges", "type", "tls", "selector", "matchLabels"),
)
_ON_AWS = (
    *("storageEncrypted", "encrypted", "ebs", "blockDeviceMappings", "versioningConfiguration"),
    *("policy", "assumeRolePolicy", "repositoryPolicy", "acl", "ingress", "status"),
    *("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6", "publiclyAccessible"),
    *("mapPublicIpOnLaunch", "associatePublicIpAddress", "vpcConfig", "endpointPublicAccess"),
    *("publicAccessCidrs", "blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls"),
    *("restrictPublicBuckets", "metadataOptions", "httpTokens", "httpEndpoint"),
    *("httpPutResponseHopLimit", "backupRetentionPeriod", "enableKeyRotation"),
    *("retentionInDays",),
)
_READ = {True: frozenset((*_OF_PODS, *_AROUND_PODS)), False: frozenset(_ON_AWS)}


def unknown_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K019 for each value that a rule would look at, and that a preview doesn't know."""
    for path in unknown_paths(resource):
        yield resource.problem(
            "K019",
            path,
            "the value is known after the resource is made, and no rule has seen it",
            expected="a value that the program knows",
            hint="check what `pulumi stack export` prints after the update",
            severity="warning",
        )


def unknown_paths(resource: PlannedResource) -> list[str]:
    """Return where a resource has values that rules look at, and that aren't known yet."""
    return list(_paths(resource.inputs, "", "", _READ[resource.is_object]))


def _paths(value: Any, path: str, key: str, read: frozenset[str]) -> Iterator[str]:
    """Return the paths of the unknown values below keys that rules read."""
    if is_unknown(value):
        if key in read:
            yield path
        return
    for name, own_key, one in _members(value, key):
        yield from _paths(one, f"{path}.{name}" if path else name, own_key, read)


def _members(value: Any, key: str) -> Iterator[tuple[str, str, Any]]:
    """Return the members of a value: what paths call each, its key, and itself."""
    if isinstance(value, dict):
        yield from ((str(name), str(name), one) for name, one in value.items())
    elif isinstance(value, list):
        for number, one in enumerate(value):
            name = mapping(one).get("name", number) if key in CONTAINERS else number
            yield str(name), key, one


RULES: Mapping[str, Callable[[PlannedResource], Iterator[Problem]]] = {"K019": unknown_problems}
