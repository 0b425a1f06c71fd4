"""Nodes of skops' schema: what they say, whether two are the same, and how messages call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError, clean
from atlas.formats.trust import listed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Node: TypeAlias = Mapping[str, Any]

_KEYS = ("int", "float", "str")


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a key twice: which one counts is for each reader to decide."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StoreError("its schema.json has a key twice")
    return members


_UNEQUAL = {"__id__", "file"}


def is_equal(node: Any, other: Any) -> bool:
    """Tell whether two nodes are the same but for their ids and the files of their arrays."""
    if isinstance(node, dict) and isinstance(other, dict):
        keys = node.keys() - _UNEQUAL
        same = keys == other.keys() - _UNEQUAL
        return same and all(is_equal(node[key], other[key]) for key in keys)
    if isinstance(node, list) and isinstance(other, list):
        return len(node) == len(other) and all(map(is_equal, node, other))
    return type(node) is type(other) and bool(node == other)


def is_named(node: Node, full: str) -> bool:
    """Tell whether a node is of a full name."""
    return f"{node['__module__']}.{node['__class__']}" == full


def is_scalar(node: Node) -> bool:
    """Tell whether a node is one of numpy's scalars."""
    return node["__module__"] == "numpy" and node["__class__"] in listed()["types"]["numpy"]


def check_key(path: str, node: Node) -> None:
    """Refuse keys that don't come back as they were: only numbers and strings do."""
    name = node["__class__"]
    plain = node["__module__"] == "builtins" and name in _KEYS
    numbers = is_scalar(node) and name not in ("bool", "bool_", "void", "object_", "bytes_")
    if node["__loader__"] != "TypeNode" or not (plain or numbers):
        raise StoreError(
            f"{place_of(path)} is a dict with keys of type {name}, which skops doesn't give back; "
            "expected keys that are strings or numbers"
        )


def check_state(path: str, state: Node) -> None:
    """Refuse a state in which attributes can't be told, and a folder of cached results in it.

    An estimator's ``memory`` is read at its next fit, and what it has are pickles.
    """
    loader = state["__loader__"]
    if loader not in ("DictNode", "TupleNode") and (loader, state["content"]) != _NO_STATE:
        raise StoreError(f"{place_of(path)} has its attributes in a {loader}, expected a DictNode")
    memory = state["content"].get("memory") if loader == "DictNode" else None
    if memory is not None and (memory["__loader__"], memory["content"]) != _NO_STATE:
        raise StoreError(
            f"{place_of(f'{path}.memory')} is set: a fit would read pickles from there; "
            "set it to None before the step returns the model"
        )


_NO_STATE = ("JsonNode", "null")


def step(key: str) -> str:
    """Return how messages call the item of a key."""
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


def place_of(path: str) -> str:
    """Return how messages call what is at a path."""
    return f"its attribute {clean(path.removeprefix('.'), 200)}" if path else "it"


_OWN_CODE = "atlas.step.code."
"""What stands before the names of classes of a pipeline's own code."""


def refused(path: str, what: str) -> StoreError:
    """Return the error for a node that isn't trusted, with the way out."""
    what = clean(what, 200)
    if "<" in what or what.startswith("__main__."):
        hint = "define it at the top of a module of the pipeline, where reading finds it"
        return StoreError(
            f"{place_of(path)} is {what}, which can't be found again by its name; {hint}"
        )
    if what.startswith(_OWN_CODE):
        pipeline, _, name = what.removeprefix(_OWN_CODE).partition(".")
        return StoreError(
            f"{place_of(path)} is {name} of the pipeline {pipeline}'s own code; read it in a step "
            f'of that pipeline, or say where its code is: atlas.load(…, code="FOLDER")'
        )
    return StoreError(
        f"{place_of(path)} is {what}, which models may not be made of; if you trust it, name it in "
        f'the Recipe: "outputs": {{"NAME": {{"format": "skops", "trust": ["{what}"]}}}}'
    )
