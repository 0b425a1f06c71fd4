"""Kubernetes objects as plain data: read, told apart, put in order, and digested."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from pulumi import RunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Manifest = dict[str, Any]
"""One Kubernetes object, as its YAML has it."""

HOOK = "helm.sh/hook"
"""The annotation of what Helm would run by itself, at moments of its own."""
DEFINITION = "CustomResourceDefinition"
WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_VALUE_TAG = "tag:yaml.org,2002:value"
_TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """What tells an object from all others of a cluster.

    Attributes:
        group: its API group, without the version: another version is the same object.
        kind: its kind.
        namespace: its namespace; empty for none.
        name: its name.
    """

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Manifest) -> ObjectKey:
        """Return the key of an object."""
        metadata = manifest["metadata"]
        group, slash, _ = manifest["apiVersion"].partition("/")
        namespace = metadata.get("namespace") or ""
        return cls(group if slash else "", manifest["kind"], namespace, metadata["name"])

    def __str__(self) -> str:
        """Return the key as people write it."""
        inside = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {inside}{self.name}"


class _ManifestLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML as Kubernetes does: a plain ``=`` and a date are texts."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name and kind
        first: [pair for pair in pairs if pair[0] not in (_VALUE_TAG, _TIMESTAMP_TAG)]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(text: str, origin: str) -> list[Manifest]:
    """Return the objects of a YAML stream, with those of lists taken out of them.

    Args:
        text: the stream; empty documents are passed over.
        origin: what messages call it.

    Raises:
        RunError: it isn't YAML, has what isn't an object, or has one object twice.
    """
    found = [
        one for document in _documents(text, origin) if document for one in _flat(document, origin)
    ]
    _check_once(found, origin)
    return found


def _documents(text: str, origin: str) -> list[Any]:
    """Return the documents of a stream; one that is JSON is read without YAML's slow parser.

    Raises:
        RunError: it isn't YAML.
    """
    with suppress(ValueError):
        if text.startswith("{"):
            return [json.loads(text)]
    try:
        return list(yaml.load_all(text, Loader=_ManifestLoader))
    except yaml.YAMLError as error:
        raise RunError(f"{origin}: isn't YAML: {error}") from error


def _flat(document: Any, origin: str) -> list[Manifest]:
    """Return the objects of a document: itself, or the items of a list."""
    if isinstance(document, dict) and document.get("kind") == "List":
        return [one for item in document.get("items") or [] for one in _flat(item, origin)]
    metadata = document.get("metadata") if isinstance(document, dict) else None
    named = isinstance(metadata, dict) and metadata.get("name")
    if not named or not document.get("apiVersion") or not document.get("kind"):
        raise RunError(
            f"{origin}: found {json.dumps(document, default=str)[:120]}; expected an object with "
            "apiVersion, kind and metadata.name"
        )
    return [document]


def _check_once(manifests: Iterable[Manifest], origin: str) -> None:
    """Raise RunError when two objects are one and the same for a cluster."""
    seen: set[ObjectKey] = set()
    for manifest in manifests:
        key = ObjectKey.of(manifest)
        if key in seen:
            raise RunError(f"{origin}: found {key} twice; expected each object once")
        seen.add(key)


def copied(value: Any) -> Any:
    """Return a copy of an object's dicts and lists; what is in them, such as an output, stays."""
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    return [copied(part) for part in value] if isinstance(value, list) else value


def without_hooks(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return objects without those that Helm alone would create and delete, in its own time."""
    return [one for one in manifests if HOOK not in (one["metadata"].get("annotations") or {})]


def digest(manifests: Iterable[Manifest]) -> str:
    """Return the SHA-256 digest of objects: of what they say, not of how it is written.

    Comments, the order of keys and of documents make no difference, so that every version of Helm
    and Kustomize that renders the same objects gives the same digest.
    """
    whole = hashlib.sha256()
    for manifest in sorted(manifests, key=ObjectKey.of):
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        whole.update(text.encode("ascii") + b"\n")
    return whole.hexdigest()


def phases(manifests: Sequence[Manifest]) -> list[list[Manifest]]:
    """Return objects in the order in which a cluster takes them, in groups; none is empty.

    Namespaces come first, then the definitions of kinds, then everything else, and at the end the
    webhooks, which would stand in the way of what is made before the servers behind them are there.
    """
    groups: list[list[Manifest]] = [[], [], [], []]
    for manifest in manifests:
        groups[_phase(manifest["kind"])].append(manifest)
    return [group for group in groups if group]


def _phase(kind: str) -> int:
    """Return the number of the group that a kind belongs to."""
    known = {"Namespace": 0, DEFINITION: 1, **dict.fromkeys(WEBHOOKS, 3)}
    return known.get(kind, 2)
