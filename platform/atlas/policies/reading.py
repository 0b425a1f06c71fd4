"""Resources from files: manifests, `pulumi preview --json`, `pulumi stack export`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.errors import DocumentError, Problem
from atlas.policies.resource import PlannedResource, items, mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_GONE = ("delete", "delete-replaced", "discard", "discard-replaced", "read-discard")


def read(path: Path) -> list[PlannedResource]:
    """Return the resources of a file.

    Args:
        path: manifests in YAML or JSON, or what ``pulumi preview --json`` or ``pulumi stack
            export`` have printed.

    Raises:
        DocumentError: it can't be read, or is nothing of the kind.
    """
    documents = _documents(path)
    if len(documents) == 1 and not {"steps", "deployment"}.isdisjoint(documents[0]):
        _require_whole(documents[0], path)
        return update_resources(documents[0], str(path))
    return manifest_resources(documents, str(path))


def _documents(path: Path) -> list[dict[str, Any]]:
    """Return the documents of a file of JSON or YAML."""
    try:
        text = path.read_text("utf-8")
        found = [json.loads(text)] if text.lstrip().startswith("{") else _yaml(text)
    except (OSError, ValueError) as error:
        raise _unreadable(path, f"can't be read: {error}") from error
    documents = [one for one in found if one is not None]
    if not documents or not all(isinstance(one, dict) for one in documents):
        raise _unreadable(path, "found no objects")
    return documents


def _require_whole(document: Mapping[str, Any], path: Path) -> None:
    """Refuse a preview that failed: what it hadn't come to yet isn't in it."""
    said = map(mapping, items(document.get("diagnostics")))
    if any(one.get("severity") == "error" for one in said):
        message = "holds a preview that failed, without all resources; its `diagnostics` say why"
        raise _unreadable(path, message, "a preview that went through")


def _unreadable(path: Path, message: str, expected: str = "") -> DocumentError:
    """Return the error of a file that has no resources, or not all."""
    expected = (
        expected or "manifests, or what `pulumi preview --json` or `pulumi stack export` print"
    )
    return DocumentError(Problem(code="D001", message=message, file=str(path), expected=expected))


def _yaml(text: str) -> list[Any]:
    """Return the documents of a text of YAML.

    Raises:
        ValueError: it isn't YAML.
    """
    import yaml

    class ObjectLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Reads a plain ``=`` as a text, as Kubernetes does."""

    ObjectLoader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)
    try:
        return list(yaml.load_all(text, Loader=ObjectLoader))
    except yaml.YAMLError as error:
        raise ValueError(f"isn't YAML: {error}") from error


def manifest_resources(
    manifests: Iterable[Mapping[str, Any]], origin: str = ""
) -> list[PlannedResource]:
    """Return the resources that manifests are, with those of lists taken out of them."""
    found = []
    for manifest in manifests:
        if manifest.get("kind") == "List":
            found += manifest_resources(items(manifest.get("items")), origin)
        else:
            found.append(_object(manifest, origin))
    return found


def _object(manifest: Mapping[str, Any], origin: str) -> PlannedResource:
    """Return the resource that a manifest is."""
    metadata = mapping(manifest.get("metadata"))
    names = (metadata.get("namespace"), metadata.get("name"))
    name = "/".join(str(one) for one in names if one)
    return PlannedResource(
        type=str(manifest.get("kind")), name=name, inputs=manifest, origin=origin
    )


def update_resources(document: Mapping[str, Any], origin: str = "") -> list[PlannedResource]:
    """Return the resources that an update leaves behind.

    Args:
        document: what ``pulumi preview --json`` or ``pulumi stack export`` print.
        origin: the file that it is in.
    """
    steps = map(mapping, items(document.get("steps")))
    states = [mapping(one.get("newState")) for one in steps if one.get("op") not in _GONE]
    states += map(mapping, items(mapping(document.get("deployment")).get("resources")))
    return [
        _planned(state, inputs, origin)
        for state in states
        if (inputs := mapping(state.get("inputs")))
    ]


def _planned(state: Mapping[str, Any], inputs: Mapping[str, Any], origin: str) -> PlannedResource:
    """Return a resource of an update; an object of a cluster as one of a manifest."""
    type_, urn = str(state.get("type")), str(state.get("urn", ""))
    if type_.startswith("kubernetes:") and "apiVersion" in inputs:
        return _object(inputs, origin)
    taken = mapping(state.get("propertyDependencies"))
    return PlannedResource(
        type=type_,
        name=urn.rpartition("::")[2],
        inputs=inputs,
        origin=origin,
        urn=urn,
        # The id of the provider stands behind its URN.
        provider=str(state.get("provider") or "").rpartition("::")[0],
        references={str(key): list(map(str, items(urns))) for key, urns in taken.items()},
    )
