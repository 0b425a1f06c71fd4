"""The provider's Pulumi package schema, built from the properties that the kinds declare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.kinds.properties import is_list, item_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.kinds.handler import Schema
    from atlas.kinds.properties import Property
    from atlas_provider.kinds import AnyHandler

_SCALARS = ("string", "integer", "number", "boolean")


def package_schema(kinds: Mapping[str, AnyHandler], version: str) -> str:
    """Return the schema of the package `atlas`, as JSON text."""
    return json.dumps(
        {
            "name": "atlas",
            "version": version,
            "displayName": "Atlas",
            "description": "Pipelines, their parts and the processes of a local platform.",
            "license": "Apache-2.0",
            "resources": {token: _resource(kind.schema) for token, kind in sorted(kinds.items())},
        },
        indent=2,
    )


def _resource(schema: Schema) -> dict[str, Any]:
    """Return one kind's part of the package schema."""
    properties = {**schema.inputs, **schema.outputs}
    return {
        "description": schema.description,
        "inputProperties": _properties(schema.inputs),
        "requiredInputs": _required(schema.inputs),
        "properties": _properties(properties),
        "required": _required(properties),
    }


def _properties(properties: Mapping[str, Property]) -> dict[str, Any]:
    """Return properties with their types, descriptions and whether they force a replacement."""
    return {
        name: {
            **type_spec(spec.type),
            "description": spec.description,
            **({"willReplaceOnChanges": True} if spec.replaces else {}),
        }
        for name, spec in properties.items()
    }


def _required(properties: Mapping[str, Property]) -> list[str]:
    """Return the names of the required properties."""
    return [name for name, spec in properties.items() if spec.required]


def type_spec(name: str) -> dict[str, Any]:
    """Return a property's type as Pulumi's schema writes it."""
    item = item_type(name)
    if item and is_list(name):
        return {"type": "array", "items": type_spec(item)}
    if item:
        return {"type": "object", "additionalProperties": type_spec(item)}
    return {"type": name} if name in _SCALARS else {"$ref": "pulumi.json#/Any"}
