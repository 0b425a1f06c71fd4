"""The rule for each kind of node of a skops archive: it checks the node, and gives its children."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.formats.nodes import (
    check_key,
    check_state,
    is_named,
    is_scalar,
    place_of,
    refused,
    step,
)
from atlas.formats.trees import is_sound_predictor, is_sound_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from atlas.formats.audit import Audit

    Node: TypeAlias = Mapping[str, Any]
    Children: TypeAlias = Iterator[tuple[str, Any]]


def _json(audit: Audit, path: str, node: Node) -> Children:
    json.loads(node["content"])
    yield from ()


def _mapping(audit: Audit, path: str, node: Node) -> Children:
    audit.allow(path, node, "mappings")
    types, content = node["key_types"], node["content"]
    audit.exactly(path, types, "builtins.list")
    for key_type in types["content"]:
        check_key(path, key_type)
    if len(types["content"]) != len(content):
        raise StoreError(f"{place_of(path)} is a dict with keys that are the same as text")
    yield "", types
    yield from ((step(key), value) for key, value in content.items())


def _default(audit: Audit, path: str, node: Node) -> Children:
    audit.exactly(path, node, "collections.defaultdict")
    main = node["content"]["main"]
    if any(key_type["__class__"] != "str" for key_type in main["key_types"]["content"]):
        raise StoreError(f"{place_of(path)} is a defaultdict with keys that aren't strings")
    yield "", main
    yield ".default_factory", node["content"]["default_factory"]


def _sequence(audit: Audit, path: str, node: Node) -> Children:
    plain = {"ListNode": "builtins.list", "SetNode": "builtins.set"}
    if not is_named(node, plain.get(node["__loader__"], "builtins.tuple")):
        audit.allow(path, node, "constructors")
    yield from ((f"[{i}]", value) for i, value in enumerate(node["content"]))


def _function(audit: Audit, path: str, node: Node) -> Children:
    audit.allow(path, node, "functions", "types", "objects")
    yield from ()


def _partial(audit: Audit, path: str, node: Node) -> Children:
    audit.exactly(path, node, "functools.partial")
    yield from ((f".{attribute}", node["content"][attribute]) for attribute in _PARTIAL)


def _slice(audit: Audit, path: str, node: Node) -> Children:
    if any(type(bound) not in (int, type(None)) for bound in node["content"].values()):
        raise StoreError(f"{place_of(path)} is a slice of something else than whole numbers")
    yield from ()


def _construct(audit: Audit, path: str, node: Node) -> Children:
    audit.allow(path, node, "constructors")
    audit.exactly(path, node["content"], "builtins.tuple")
    yield "", node["content"]


def _object(audit: Audit, path: str, node: Node) -> Children:
    audit.allow(path, node, "objects")
    content = node.get("content")
    if content is not None:
        check_state(path, content)
        _check_predictor(audit, path, node, content)
        yield "", content


def _check_predictor(audit: Audit, path: str, node: Node, state: Node) -> None:
    if node["__class__"] != "TreePredictor" or state["__loader__"] != "DictNode":
        return
    if not is_sound_predictor(audit.array, state["content"]):
        raise StoreError(f"{place_of(path)} is a tree whose nodes point outside of it")


def _method(audit: Audit, path: str, node: Node) -> Children:
    content, module, name = node["content"], node["__module__"], node["__class__"]
    function = content["func"]
    if (content["obj"]["__module__"], content["obj"]["__class__"]) != (module, name):
        raise StoreError(f"{place_of(path)} is a method of another object than it says")
    own = audit.trust.own and f"{module}.".startswith(f"{audit.trust.own}.")
    if not function.isidentifier() or function.startswith("_"):
        raise refused(path, f"{module}.{name}.{function}")
    if not own and f"{module}.{name}.{function}" not in audit.trust.names:
        raise refused(path, f"{module}.{name}.{function}")
    yield ".__self__", content["obj"]


def _bytes(audit: Audit, path: str, node: Node) -> Children:
    audit.exactly(path, node, "builtins.bytes", "builtins.bytearray")
    audit.file(path, node)
    yield from ()


def _operator(audit: Audit, path: str, node: Node) -> Children:
    audit.exactly(path, node, "operator.itemgetter")
    yield "", node["attrs"]


def _array(audit: Audit, path: str, node: Node) -> Children:
    if not is_named(node, "numpy.ndarray") and not is_scalar(node):
        raise refused(path, f"{node['__module__']}.{node['__class__']}")
    if node["type"] == "numpy":
        audit.file(path, node)
        return
    yield ".shape", node["shape"]
    yield from ((f"[{i}]", element) for i, element in enumerate(node["content"]))


def _masked(audit: Audit, path: str, node: Node) -> Children:
    audit.exactly(path, node, "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray")
    yield ".data", node["content"]["data"]
    yield ".mask", node["content"]["mask"]


def _dtype(audit: Audit, path: str, node: Node) -> Children:
    audit.exactly(path, node, "numpy.dtype")
    audit.exactly(path, node["content"], "numpy.ndarray")
    yield "", node["content"]


def _random_state(audit: Audit, path: str, node: Node) -> Children:
    audit.exactly(path, node, "numpy.random.mtrand.RandomState")
    yield "", node["content"]


def _generator(audit: Audit, path: str, node: Node) -> Children:
    audit.exactly(path, node, "numpy.random._generator.Generator")
    name = json.loads(node["content"]["bit_generator"]["content"]["bit_generator"]["content"])
    if name not in _BIT_GENERATORS:
        raise refused(path, f"numpy.random.{name}")
    yield ".bit_generator", node["content"]["bit_generator"]
    yield ".seed_seq", node["content"]["seed_seq"]


def _sparse(audit: Audit, path: str, node: Node) -> Children:
    if not node["__module__"].startswith("scipy.sparse._"):
        raise refused(path, f"{node['__module__']}.{node['__class__']}")
    audit.file(path, node)
    yield from ()


def _tree(audit: Audit, path: str, node: Node) -> Children:
    audit.exactly(path, node, "sklearn.tree._tree.Tree")
    if not is_sound_tree(audit.array, node):
        raise StoreError(f"{place_of(path)} is a tree whose nodes point outside of it")
    yield from _reduced(node)


def _loss(audit: Audit, path: str, node: Node) -> Children:
    audit.allow(path, node, "losses")
    yield from _reduced(node)


def _reduced(node: Node) -> Children:
    yield "", node["__reduce__"]["args"]
    yield "", node["content"]


_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
_PARTIAL = ("func", "args", "kwds", "namespace")
RULES: Mapping[str, Callable[[Audit, str, Node], Children]] = {
    "JsonNode": _json,
    "DictNode": _mapping,
    "DefaultDictNode": _default,
    "ListNode": _sequence,
    "SetNode": _sequence,
    "TupleNode": _sequence,
    "FunctionNode": _function,
    "TypeNode": _function,
    "PartialNode": _partial,
    "SliceNode": _slice,
    "ConstructorFromReduceNode": _construct,
    "ObjectNode": _object,
    "MethodNode": _method,
    "BytesNode": _bytes,
    "BytearrayNode": _bytes,
    "OperatorFuncNode": _operator,
    "NdArrayNode": _array,
    "MaskedArrayNode": _masked,
    "DTypeNode": _dtype,
    "RandomStateNode": _random_state,
    "RandomGeneratorNode": _generator,
    "SparseMatrixNode": _sparse,
    "TreeNode": _tree,
    "LossNode": _loss,
}
"""Kind of node → its rule. Kinds that skops no longer writes have none."""
