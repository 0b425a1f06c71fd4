"""Whether the arrays of stored trees stay within themselves.

scikit-learn walks a tree's nodes in native code, without looking at where they point: a node that
points outside of the array, or back, reads foreign memory or never ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def is_sound_tree(load: Callable[[str], Any], node: Any) -> bool:
    """Tell whether a ``Tree`` of scikit-learn points at nodes of its own only.

    Args:
        load: gives the array that is in a file of the archive.
        node: of skops' schema.
    """
    content = node["content"]["content"]
    features = int(node["__reduce__"]["args"]["content"][0]["content"])
    nodes, values = load(content["nodes"]["file"]), load(content["values"]["file"])
    count = int(content["node_count"]["content"])
    inner = nodes["left_child"] != -1
    bounded = _follow(nodes, inner, ("left_child", "right_child"))
    named = ((nodes["feature"] >= 0) & (nodes["feature"] < features))[inner].all()
    return bool(count == len(nodes) == len(values) and bounded and named)


def is_sound_predictor(load: Callable[[str], Any], attributes: Any) -> bool:
    """Tell whether a ``TreePredictor`` points at nodes of its own only."""
    nodes = load(attributes["nodes"]["file"])
    inner = nodes["is_leaf"] == 0
    bits = load(attributes["binned_left_cat_bitsets"]["file"])
    raw = load(attributes["raw_left_cat_bitsets"]["file"])
    split = inner & (nodes["is_categorical"] != 0)
    sets = (nodes["bitset_idx"] < min(len(bits), len(raw)))[split].all()
    return bool(_follow(nodes, inner, ("left", "right")) and sets)


def _follow(nodes: Any, inner: Any, fields: tuple[str, str]) -> bool:
    """Tell whether every child of an inner node stands behind it, in the array."""
    import numpy

    places = numpy.arange(len(nodes))[inner]
    children = [nodes[field][inner].astype("i8") for field in fields]
    return all(bool(((indexes > places) & (indexes < len(nodes))).all()) for indexes in children)
