"""What a stack changes of rendered manifests: pure functions, objects in and objects out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pulumi import RunError

from infra.manifests.objects import copied
from infra.manifests.pods import with_containers, with_pods

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from infra.manifests.objects import Manifest
    from infra.manifests.pods import Container, Pod

CLUSTER_KINDS = frozenset(
    {
        *("Namespace", "CustomResourceDefinition", "PriorityClass", "StorageClass", "IngressClass"),
        *("ClusterRole", "ClusterRoleBinding", "PersistentVolume", "APIService", "RuntimeClass"),
        *("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "CompositeController"),
        *("DecoratorController", "ClusterIssuer", "ValidatingAdmissionPolicy"),
    }
)
"""The kinds that are in no namespace, among those that platforms have."""


def in_namespace(manifests: Iterable[Manifest], old: str, new: str) -> list[Manifest]:
    """Return objects that were rendered for one namespace, for another.

    The namespace stands in objects and subjects, as the name of the namespace itself, in the host
    names of services, in flags and queries, and as what a webhook calls. An object of a kind that
    has a namespace, and doesn't say one, gets it.
    """
    return [_moved(manifest, old, new) for manifest in manifests]


def _moved(manifest: Manifest, old: str, new: str) -> Manifest:
    """Return an object in another namespace."""
    moved: Manifest = _replaced(manifest, old, new) if old != new else copied(manifest)
    kind, metadata = moved["kind"], moved["metadata"]
    if kind == "Namespace" and metadata["name"] == old:
        metadata["name"] = new
    elif kind not in CLUSTER_KINDS:
        metadata.setdefault("namespace", new)
    return moved


def _replaced(value: Any, old: str, new: str, key: str = "") -> Any:
    """Return a part of an object in which another namespace is named."""
    if isinstance(value, dict):
        return {name: _replaced(part, old, new, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, old, new, key) for part in value]
    if not isinstance(value, str):
        return value
    if value == old and (key.lower().endswith("namespace") or key == "matchNames"):
        return new
    was = re.escape(old)
    value = re.sub(rf"\b([a-z][a-z0-9-]*)\.{was}(?=\.svc\b|[:/\"\s]|$)", rf"\1.{new}", value)
    return re.sub(rf"\b(namespaces?=\"?){was}(?=\"|,|\s|$)", rf"\g<1>{new}", value)


def without(manifests: Iterable[Manifest], *named: str) -> list[Manifest]:
    """Return objects without some, each named as ``Kind name``.

    Raises:
        RunError: one isn't there: the rendering is another than the one this was written for.
    """
    found = list(manifests)
    missing = set(named) - {_title(manifest) for manifest in found}
    if missing:
        raise RunError(f"manifests: found no {', '.join(sorted(missing))}; expected them")
    return [manifest for manifest in found if _title(manifest) not in named]


def changed(
    manifests: Iterable[Manifest], named: str, change: Callable[[Manifest], None]
) -> list[Manifest]:
    """Return objects with a change made to a copy of one, named as ``Kind name``.

    Raises:
        RunError: it isn't there.
    """
    found = list(manifests)
    if named not in map(_title, found):
        raise RunError(f"manifests: found no {named}; expected it, to change it")

    def apply(manifest: Manifest) -> Manifest:
        if _title(manifest) != named:
            return manifest
        new: Manifest = copied(manifest)
        change(new)
        return new

    return [apply(manifest) for manifest in found]


def excused(manifests: Iterable[Manifest], named: str, code: str, why: str) -> list[Manifest]:
    """Return objects of which one says why it is let off the policy of a code.

    Raises:
        RunError: it isn't there.
    """

    def change(manifest: Manifest) -> None:
        own = manifest["metadata"].get("annotations") or {}
        manifest["metadata"]["annotations"] = {**own, f"policies.atlas/{code}": why}

    return changed(manifests, named, change)


def _title(manifest: Manifest) -> str:
    """Return what an object is named in patches."""
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def with_labels(manifests: Iterable[Manifest], labels: Mapping[str, str]) -> list[Manifest]:
    """Return objects with more labels of their own; selectors and pods keep theirs."""

    def labelled(manifest: Manifest) -> Manifest:
        metadata = manifest["metadata"]
        return {
            **manifest,
            "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}},
        }

    return [labelled(manifest) for manifest in manifests]


def with_resources(
    manifests: Iterable[Manifest],
    resources: Mapping[str, Mapping[str, Mapping[str, str]]],
    default: Mapping[str, Mapping[str, str]],
) -> list[Manifest]:
    """Return objects whose containers all have requests and limits.

    Args:
        manifests: the objects.
        resources: by a container's name, its ``requests`` and ``limits``, which go before its own.
        default: those of the other containers, in which a container's own go before them.
    """

    def change(container: Container) -> None:
        own, set_ = container.get("resources") or {}, resources.get(container["name"], {})
        container["resources"] = {
            kind: {**default[kind], **(own.get(kind) or {}), **set_.get(kind, {})}
            for kind in ("requests", "limits")
        }

    return with_containers(manifests, change)


def restricted(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return objects whose pods fit the Pod Security Standard ``restricted``.

    A user that a container or pod names is kept; root is refused when the pod starts.
    """

    def in_pod(pod: Pod) -> None:
        pod["securityContext"] = {
            **(pod.get("securityContext") or {}),
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }

    def in_container(container: Container) -> None:
        own = container.get("securityContext") or {}
        container["securityContext"] = {
            **own,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }

    return with_containers(with_pods(manifests, in_pod), in_container)


def with_replicas(manifests: Iterable[Manifest], replicas: Mapping[str, int]) -> list[Manifest]:
    """Return objects with numbers of replicas, by the name of the Deployment or StatefulSet.

    What an autoscaler owns is given None by leaving it out: a number here would be its rival.
    """

    def counted(manifest: Manifest) -> Manifest:
        count = replicas.get(manifest["metadata"]["name"])
        if count is None or manifest["kind"] not in ("Deployment", "StatefulSet"):
            return manifest
        return {**manifest, "spec": {**manifest["spec"], "replicas": count}}

    return [counted(manifest) for manifest in manifests]


def with_storage(
    manifests: Iterable[Manifest], storage_class: str, sizes: Mapping[str, str]
) -> list[Manifest]:
    """Return objects whose volumes are of a storage class and size.

    Args:
        manifests: the objects.
        storage_class: the class; empty for the cluster's default.
        sizes: by the name of a PersistentVolumeClaim or of a template of one, its size.
    """

    def sized(volume: Manifest) -> Manifest:
        spec = copied(volume["spec"])
        if storage_class:
            spec["storageClassName"] = storage_class
        size = sizes.get(volume["metadata"]["name"])
        if size:
            spec.setdefault("resources", {}).setdefault("requests", {})["storage"] = size
        return {**volume, "spec": spec}

    def changed_(manifest: Manifest) -> Manifest:
        if manifest["kind"] == "PersistentVolumeClaim":
            return sized(manifest)
        templates = manifest["kind"] == "StatefulSet" and manifest["spec"].get(
            "volumeClaimTemplates"
        )
        if not templates:
            return manifest
        spec = {**manifest["spec"], "volumeClaimTemplates": [sized(one) for one in templates]}
        return {**manifest, "spec": spec}

    return [changed_(manifest) for manifest in manifests]


def with_variables(
    manifests: Iterable[Manifest], names: Collection[str], variables: Sequence[Mapping[str, Any]]
) -> list[Manifest]:
    """Return objects whose containers of some names have more variables, in place of their own."""

    def change(container: Container) -> None:
        if container["name"] in names:
            new = {variable["name"] for variable in variables}
            own = [one for one in container.get("env") or [] if one["name"] not in new]
            container["env"] = [*own, *map(dict, variables)]

    return with_containers(manifests, change)


def with_pull_secret(manifests: Iterable[Manifest], name: str) -> list[Manifest]:
    """Return objects whose pods open their registry with a secret; unchanged without a name."""
    if not name:
        return list(manifests)

    def change(pod: Pod) -> None:
        pod["imagePullSecrets"] = [{"name": name}]

    return with_pods(manifests, change)


def with_account_annotations(
    manifests: Iterable[Manifest], accounts: Mapping[str, Mapping[str, Any]]
) -> list[Manifest]:
    """Return objects whose ServiceAccounts have more annotations, by ``namespace/name``."""

    def annotated(manifest: Manifest) -> Manifest:
        own = manifest["metadata"]
        more = accounts.get(f"{own.get('namespace', '')}/{own['name']}")
        if manifest["kind"] != "ServiceAccount" or not more:
            return manifest
        annotations = {**(own.get("annotations") or {}), **more}
        return {**manifest, "metadata": {**own, "annotations": annotations}}

    return [annotated(manifest) for manifest in manifests]
