"""Policies about pods: K001 to K005, and K008."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atlas.policies.resource import containers, is_unknown, items, mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from atlas.errors import Problem
    from atlas.policies.resource import PlannedResource

_SERVERS = ("Deployment", "StatefulSet", "DaemonSet")
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_SECRET = re.compile(r"(?i)(password|passwd|secret|token|api_?key|access_?key|private_?key)$")
_NEEDED = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))


def image_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K001 for each image without a tag or digest, or with a tag that moves."""
    for path, container, _ in containers(resource):
        image = str(container.get("image") or "")
        name, _, digest = image.partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        if not digest and tag in ("", "latest"):
            yield resource.problem(
                "K001",
                f"{path}.image",
                f"the image {image!r} is another one tomorrow",
                found=image,
                expected="a tag with a version, or a digest",
            )


def power_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K002 for each way in which a pod has power over its node."""
    pod = resource.pod()
    if pod is None:
        return
    for name in _HOST:
        if pod.get(name):
            yield _powerful(resource, f"{resource.pod_path()}.{name}", "true")
    for volume in map(mapping, items(pod.get("volumes"))):
        if "hostPath" in volume:
            path = f"{resource.pod_path()}.volumes.{volume.get('name', '')}.hostPath"
            yield _powerful(resource, path, str(mapping(volume["hostPath"]).get("path", "")))
    for path, container, _ in containers(resource):
        context = mapping(container.get("securityContext"))
        yield from _powerful_context(resource, f"{path}.securityContext", context)


def _powerful_context(
    resource: PlannedResource, path: str, context: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield K002 for what the security context of a container gives it."""
    if context.get("privileged"):
        yield _powerful(resource, f"{path}.privileged", "true")
    added = items(mapping(context.get("capabilities")).get("add"))
    if set(added) - {"NET_BIND_SERVICE"}:
        yield _powerful(resource, f"{path}.capabilities.add", ", ".join(added))


def _powerful(resource: PlannedResource, path: str, found: str) -> Problem:
    """Return a K002."""
    return resource.problem(
        "K002",
        path,
        f"{path.rpartition('.')[2]} ({found}) gives a container power over its node",
        found=found,
        expected="none of it",
    )


def root_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K003 for each container that may be root, or gain rights while it runs."""
    pod = resource.pod()
    if pod is None:
        return
    shared = mapping(pod.get("securityContext"))
    if any(map(is_unknown, (pod.get("securityContext"), *shared.values()))):
        return
    for path, container, _ in containers(resource):
        own = mapping(container.get("securityContext"))
        lacking = [what for what, is_there in _restrictions({**shared, **own}, own) if not is_there]
        if lacking:
            yield resource.problem(
                "K003",
                f"{path}.securityContext",
                "the container may run as root, or gain rights",
                expected=", ".join(lacking),
                hint="the Pod Security Standard 'restricted'",
            )


def _restrictions(context: Mapping[str, Any], own: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return what the standard asks for, each with whether it is there."""
    profile = mapping(context.get("seccompProfile")).get("type")
    dropped = items(mapping(own.get("capabilities")).get("drop"))
    return [
        ("runAsNonRoot: true", context.get("runAsNonRoot") is True),
        ("a runAsUser other than 0", context.get("runAsUser") != 0),
        ("allowPrivilegeEscalation: false", own.get("allowPrivilegeEscalation") is False),
        ("capabilities.drop: [ALL]", "ALL" in dropped),
        ("seccompProfile.type: RuntimeDefault", profile in ("RuntimeDefault", "Localhost")),
    ]


def limit_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K004 for each container that doesn't say what it needs and may take at most."""
    for path, container, _ in containers(resource):
        resources = mapping(container.get("resources"))
        lacking = [
            f"{kind}.{name}" for kind, name in _NEEDED if name not in mapping(resources.get(kind))
        ]
        if lacking:
            yield resource.problem(
                "K004",
                f"{path}.resources",
                f"the container has no {', '.join(lacking)}",
                expected=", ".join(f"{kind}.{name}" for kind, name in _NEEDED),
            )


def probe_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K005 for each container of a server that listens, and isn't asked how it is."""
    if resource.type not in _SERVERS:
        return
    for path, container, is_first in containers(resource):
        has_probe = any(name in container for name in _PROBES)
        if items(container.get("ports")) and not is_first and not has_probe:
            yield resource.problem(
                "K005",
                path,
                "the container listens, and nobody finds out when it hangs",
                expected="a readinessProbe or livenessProbe",
            )


def secret_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K008 for each secret that stands in an object where everybody who sees it reads it.

    Pulumi prints nothing of a list of containers with a secret in it: no rule sees them.
    """
    if hidden := resource.hidden():
        yield resource.problem(
            "K008",
            hidden,
            "a secret stands in the object, and no rule sees the containers",
            expected="valueFrom.secretKeyRef",
        )
    for path, container, _ in containers(resource):
        for variable in map(mapping, items(container.get("env"))):
            name, value = str(variable.get("name") or ""), variable.get("value")
            if isinstance(value, str) and value and _SECRET.search(name):
                yield resource.problem(
                    "K008",
                    f"{path}.env.{name}",
                    f"the value of {name} stands in the object",
                    expected="valueFrom.secretKeyRef",
                )


RULES: Mapping[str, Callable[[PlannedResource], Iterator[Problem]]] = {
    "K001": image_problems,
    "K002": power_problems,
    "K003": root_problems,
    "K004": limit_problems,
    "K005": probe_problems,
    "K008": secret_problems,
}
