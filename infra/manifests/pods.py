"""The pods inside of objects: where each kind has them, and how to change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.manifests.objects import copied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from infra.manifests.objects import Manifest

Pod = dict[str, Any]
"""The ``spec`` of a pod."""
Container = dict[str, Any]
"""One of its containers."""

_TEMPLATES = {
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"),
        ("spec", "template", "spec"),
    ),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "Pod": ("spec",),
}
SERVERS = ("Deployment", "StatefulSet", "DaemonSet")
"""The kinds whose pods run until they are stopped."""


def pod_of(manifest: Manifest) -> Pod | None:
    """Return the pod that an object starts; None for an object that starts none."""
    found: Any = manifest
    for step in _TEMPLATES.get(manifest["kind"], ("", "")):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def containers_of(pod: Pod) -> Iterator[Container]:
    """Return all containers of a pod, those that run first before the others."""
    for name in ("initContainers", "containers"):
        yield from pod.get(name) or []


def with_pods(manifests: Iterable[Manifest], change: Callable[[Pod], None]) -> list[Manifest]:
    """Return objects with a change made to a copy of each pod."""

    def changed(manifest: Manifest) -> Manifest:
        if pod_of(manifest) is None:
            return manifest
        new: Manifest = copied(manifest)
        pod = pod_of(new)
        if pod is not None:
            change(pod)
        return new

    return [changed(manifest) for manifest in manifests]


def with_containers(
    manifests: Iterable[Manifest], change: Callable[[Container], None]
) -> list[Manifest]:
    """Return objects with a change made to a copy of each container."""

    def in_pod(pod: Pod) -> None:
        for container in containers_of(pod):
            change(container)

    return with_pods(manifests, in_pod)
