"""Definitions of kinds, made small: what only explains is left out of their schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.manifests.objects import Manifest

KIND = "CustomResourceDefinition"
_BY_NAME = ("properties", "patternProperties", "definitions")
"""The members of a schema that are schemas by name."""
_LISTS = ("allOf", "anyOf", "oneOf")
_ONE = ("items", "additionalProperties", "not")


def without_descriptions(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return objects of which the definitions of kinds have schemas without descriptions.

    Two thirds of what a platform's objects are is descriptions in these; the engine compares and
    writes all of it again and again. What a schema demands stays.
    """
    return [_small(one) if one["kind"] == KIND else one for one in manifests]


def _small(definition: Manifest) -> Manifest:
    """Return a definition whose versions have small schemas."""
    spec = definition["spec"]
    versions = [_version(one) for one in spec["versions"]]
    return {**definition, "spec": {**spec, "versions": versions}}


def _version(version: dict[str, Any]) -> dict[str, Any]:
    """Return a version with a small schema."""
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        return version
    return {**version, "schema": {"openAPIV3Schema": _schema(schema)}}


def _schema(schema: Any) -> Any:
    """Return a schema without its descriptions."""
    if not isinstance(schema, dict):
        return schema
    return {name: _part(name, part) for name, part in schema.items() if name != "description"}


def _part(name: str, part: Any) -> Any:
    """Return a member of a schema: schemas without descriptions, anything else as it is."""
    if name in _BY_NAME and isinstance(part, dict):
        return {key: _schema(one) for key, one in part.items()}
    if name in _LISTS and isinstance(part, list):
        return [_schema(one) for one in part]
    return _schema(part) if name in _ONE else part
