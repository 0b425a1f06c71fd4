"""What the Recipe's schema lets a Recipe say, and what of it documents do say.

A place is a path into a Recipe: ``.steps[].retries.limit``, where ``[]`` stands for any name or
index. Behind ``=`` stands a value, where the schema lists those that there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import atlas

_SCHEMA = Path(atlas.__file__).parent / "schemas" / "recipe.v1.json"
_RECURSIVE = ("condition",)
"""Definitions that are inside themselves."""
_ALTERNATIVES = ("oneOf", "anyOf", "allOf")


def places() -> set[str]:
    """Return every place of the Recipe's schema."""
    schema = json.loads(_SCHEMA.read_text("utf-8"))
    return set(_places(schema, "", schema["$defs"]))


def _places(node: Mapping[str, Any], path: str, known: Mapping[str, Any]) -> Iterator[str]:
    """Give the places of a part of the schema; of what is inside its like, the outermost alone."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        inner = {key: one for key, one in known.items() if key != name or name not in _RECURSIVE}
        yield from _places(known[name], path, inner) if name in known else ()
    yield from (f"{path}={value}" for value in node.get("enum", ()))
    for name, inner in node.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from _places(inner, f"{path}.{name}", known)
    for key in ("additionalProperties", "items"):
        if isinstance(node.get(key), dict):
            yield from _places(node[key], f"{path}[]", known)
    for one in (one for key in _ALTERNATIVES for one in node.get(key, ())):
        yield from _places(one, path, known)


def used(recipes: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the places of the schema that Recipes use."""
    known = places()
    return {place for recipe in recipes for place in _used(recipe, "", known)}


def _used(value: Any, path: str, known: set[str]) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _used(one, f"{path}[]", known)
    elif not isinstance(value, dict):
        yield from {f"{path}={value}"} & known
    else:
        for name, inner in value.items():
            own = f"{path}.{name}"
            yield from {own} & known
            yield from _used(inner, own if own in known else f"{path}[]", known)
