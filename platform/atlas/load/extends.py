"""Applying ``extends``: a child Recipe over its base, field by field."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MERGED = ("parameters", "images", "defaults", "inputs", "outputs")
_MERGED_IN_STEP = ("inputs", "params", "outputs", "env", "node_selector", "resources", "search")
"""Fields of a step that the child's and the base's members are put together of."""
_EITHER = {"class": "recipe", "recipe": "class"}


def merge(base: Mapping[str, Any], child: Mapping[str, Any], moved: str) -> dict[str, Any]:
    """Return a child Recipe with what it doesn't give taken from its base.

    Objects are merged by key and a step that is null is removed; everything else replaces. In
    params, null is a value like any other.

    Args:
        base: the Recipe that is extended, with its own ``extends`` applied.
        child: the Recipe that extends it.
        moved: the base's folder, as seen from the child's; ``.`` for the same.
    """
    merged = {**base, **child}
    for name in _MERGED:
        merged[name] = {**base.get(name, {}), **child.get(name, {})}
    merged["steps"] = _steps(base.get("steps", {}), child.get("steps", {}), moved)
    merged.pop("extends", None)
    return {key: value for key, value in merged.items() if value != {} or key == "steps"}


def _steps(base: Mapping[str, Any], child: Mapping[str, Any], moved: str) -> dict[str, Any]:
    inherited = {name: _relocate(step, moved) for name, step in base.items()}
    own = {name: _step(inherited.get(name, {}), step) for name, step in child.items()}
    return {name: step for name, step in {**inherited, **own}.items() if step is not None}


def _step(base: Mapping[str, Any], child: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if child is None:
        return None
    dropped = {_EITHER[key] for key in _EITHER if key in child}
    merged = {**{key: value for key, value in base.items() if key not in dropped}, **child}
    for name in _MERGED_IN_STEP:
        if name in base and name in child and name in merged:
            merged[name] = {**base[name], **child[name]}
    return merged


def _relocate(step: Mapping[str, Any], moved: str) -> Mapping[str, Any]:
    if "recipe" not in step:
        return step
    return {**step, "recipe": posixpath.normpath(posixpath.join(moved, step["recipe"]))}
