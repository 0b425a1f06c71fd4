"""Applying ``extends`` and the project's globals: what a Config inherits, key by key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.load.locate import JsonPath

ABSTRACT = "abstract"
_OWN = ("$schema", "version", "name", ABSTRACT)
"""Fields that a base has for itself alone."""
_LAYER = ("extends", ABSTRACT)
"""Fields that say how a Config is put together, and nothing of a pipeline."""
OF_RECIPES = frozenset(("flow", "images", "defaults", "inputs", "outputs"))
"""Fields that Recipes have, and no Config."""
GLOBAL = ("parameters", "features")
"""Sections that the project's globals can give."""
_TOMBSTONES = tuple((section,) for section in GLOBAL)
"""Where what a child removes stays as null until the globals are below it."""


def merge_configs(
    base: Mapping[str, Any], child: Mapping[str, Any], there: str, here: str
) -> dict[str, Any]:
    """Return a Config with what it doesn't give taken from its base.

    Objects are merged by key, at every depth; null removes what the base has; everything else
    replaces (RFC 7396). In a step's ``params``, null is a value like any other. Parameters and
    features that are removed stay as null, for the project's globals may have them, too.

    Args:
        base: the Config that is extended, with its own ``extends`` applied.
        child: the Config that extends it.
        there: the folder of the base's pipeline: the base's Recipes are named from it.
        here: that of the child's.
    """
    given = {key: value for key, value in base.items() if key not in _OWN}
    if isinstance(given.get("recipes"), dict):
        given["recipes"] = {
            flow: _moved(path, there, here) for flow, path in given["recipes"].items()
        }
    own = {key: value for key, value in child.items() if key != "extends"}
    return _patched(given, own, ())


def without_tombstones(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a merged Config without what a layer of it has removed."""
    kept = {key: _kept(item) if key in GLOBAL else item for key, item in value.items()}
    return {key: item for key, item in kept.items() if item != {} or key not in GLOBAL}


def _kept(section: Any) -> Any:
    is_object = isinstance(section, dict)
    return {name: v for name, v in section.items() if v is not None} if is_object else section


def without_layers(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a merged Config as if it had been written whole; a base that is no path stays."""
    left_out = _LAYER if isinstance(value.get("extends", ""), str) else (ABSTRACT,)
    return {key: item for key, item in value.items() if key not in left_out}


def with_globals(
    value: Mapping[str, Any], given: Mapping[str, Any], used: Mapping[str, frozenset[str]]
) -> dict[str, Any]:
    """Return a Config over the project's globals, of which it takes what its Recipes use.

    Args:
        value: the Config, with its bases applied.
        given: the globals.
        used: section → names that the Config's Recipes use of it.
    """
    merged = dict(value)
    for section in GLOBAL:
        below = {n: v for n, v in given.get(section, {}).items() if n in used[section]}
        own = merged.get(section, {})
        if below and isinstance(own, dict):
            merged[section] = _patched_globals(below, own)
    return merged


def removed(base: Any, child: Any, at: JsonPath = ()) -> Iterator[tuple[JsonPath, Any]]:
    """Yield the places where a child removes what its base hasn't, and what the base has there."""
    for key, value in child.items() if isinstance(child, dict) else ():
        place = (*at, key)
        has = isinstance(base, dict) and key in base
        if _is_params(place):
            continue
        if value is None and not has:
            yield place, base
        elif isinstance(value, dict):
            yield from removed(base[key] if has else {}, value, place)


def _patched_globals(below: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section over that of the globals: null removes one, and is a value elsewhere."""
    kept = {name: item for name, item in own.items() if item is not None or name not in below}
    return {**{name: item for name, item in below.items() if name not in own}, **kept}


def _patched(base: Mapping[str, Any], patch: Mapping[str, Any], at: JsonPath) -> dict[str, Any]:
    result = dict(base)
    for key, value in patch.items():
        place = (*at, key)
        below = result.get(key)
        if value is None and at in _TOMBSTONES:
            result[key] = None
        elif value is None:
            result.pop(key, None)
        elif _is_params(place) and isinstance(below, dict) and isinstance(value, dict):
            result[key] = {**below, **value}
        elif isinstance(value, dict) and isinstance(below, dict):
            result[key] = _patched(below, value, place)
        else:
            result[key] = value
    return result


def _is_params(at: JsonPath) -> bool:
    """Tell whether a place is the params of a step, where null is a value."""
    return len(at) == 3 and at[0] == "steps" and at[2] == "params"  # noqa: PLR2004


def _moved(path: Any, there: str, here: str) -> Any:
    """Return a Recipe's path as seen from another folder; what is no path stays as it is."""
    if not isinstance(path, str) or path.startswith("/") or "\0" in path:
        return path
    return Path(os.path.relpath(os.path.join(there, path), here)).as_posix()


def features_used(value: Any) -> Iterator[str]:
    """Yield the names of features that ``{"feature": PATH}`` anywhere in a document may mean."""
    if isinstance(value, list):
        for item in value:
            yield from features_used(item)
    if isinstance(value, dict):
        path = value.get("feature")
        if len(value) == 1 and isinstance(path, str):
            yield from (path, path.partition(".")[0])
        for item in value.values():
            yield from features_used(item)
