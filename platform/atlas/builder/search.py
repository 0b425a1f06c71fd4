"""A search as the builders take it: JSON, with classes and references of Python in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.builder.words import class_name, param, plain, reference
from atlas.recipe import ONE_OF

if TYPE_CHECKING:
    from collections.abc import Mapping


def search_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a search as JSON."""
    fields: dict[str, Any] = plain({name: one for name, one in given.items() if name != "evaluate"})
    if "evaluate" in given:
        fields["evaluate"] = _evaluate(given["evaluate"])
    return fields


def _evaluate(given: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {**given, "class": class_name(given["class"])}
    if "inputs" in given:
        fields["inputs"] = {name: _input(one) for name, one in given["inputs"].items()}
    if "params" in given:
        fields["params"] = {name: param(value) for name, value in given["params"].items()}
    return fields


def _input(given: Any) -> Any:
    if isinstance(given, dict):
        return given
    options = getattr(given, "options", None)
    return reference(given) if options is None else {ONE_OF: [*map(str, options)]}
