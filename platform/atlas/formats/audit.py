"""Looking through a skops archive before anything of it is imported or made.

`skops` itself checks names, but takes one list for every use of them: a class that may be an
object's could then be called with a list, and an `operator.call` among the "operators" runs what it
is given. Here every kind of node has its own rule, and a kind without one is refused.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from atlas.errors import StoreError
from atlas.formats.nodes import (
    check_key,
    check_state,
    is_equal,
    is_named,
    is_scalar,
    place_of,
    refused,
    step,
    without_repeats,
)
from atlas.formats.trees import is_sound_predictor, is_sound_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO, TypeAlias

    from atlas.formats.trust import Trust

    Node: TypeAlias = Mapping[str, Any]
    Children: TypeAlias = Iterator[tuple[str, Any]]

PROTOCOL = 2
"""The one version of skops' format that is read: its nodes are those that the rules know."""
_SCHEMA = "schema.json"


def audit(archive: Path | BinaryIO, trust: Trust) -> None:
    """Check that an archive makes nothing but what is trusted; nothing of it is imported.

    Modules of the pipeline's own are, where it names one.

    Args:
        archive: the skops file.
        trust: what is trusted.

    Raises:
        StoreError: it isn't so, or it is no such archive; with the attribute and what to do.
    """
    try:
        with ZipFile(archive) as content:
            _Audit(content, trust).run()
    except (BadZipFile, RecursionError, ValueError) as error:
        reason = "is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise StoreError(f"it is no skops archive that can be read: {reason}") from None


class _Audit:
    """Walks one archive's schema. Each rule checks a node and gives its children."""

    def __init__(self, archive: ZipFile, trust: Trust) -> None:
        self._trust = trust
        self._files = {file.filename: file for file in archive.infolist()}
        self._archive = archive
        self._ids: dict[int, Node] = {}

    def run(self) -> None:
        """Check the whole archive."""
        packed = [
            file.filename for file in self._files.values() if file.compress_type != ZIP_STORED
        ]
        if packed:
            raise StoreError(f"'{packed[0]}' in it is compressed; Atlas writes it as it is")
        if _SCHEMA not in self._files:
            raise StoreError("it has no schema.json, so it is no skops archive")
        schema = json.loads(self._archive.read(_SCHEMA), object_pairs_hook=without_repeats)
        if not isinstance(schema, dict) or schema.get("protocol") != PROTOCOL:
            protocol = schema.get("protocol") if isinstance(schema, dict) else type(schema).__name__
            raise StoreError(
                f"it is of skops' protocol {protocol!r}, expected {PROTOCOL}; train the model again"
            )
        self._walk(schema)

    def _walk(self, root: Any) -> None:
        waiting = [("", root)]
        while waiting:
            path, node = waiting.pop()
            loader, module, name = self._kind(path, node)
            rule = _RULES.get(loader)
            if rule is None:
                raise refused(path, f"a {module}.{name}, kept in a way ({loader}) that isn't read")
            try:
                waiting += [(f"{path}{suffix}", child) for suffix, child in rule(self, path, node)]
            except (KeyError, TypeError, AttributeError, ValueError):
                raise StoreError(f"{place_of(path)} has a malformed {loader}") from None

    def _kind(self, path: str, node: Any) -> tuple[str, str, str]:
        """Return a node's loader, module and class; nodes of one id are one object, and equal."""
        fields = ("__loader__", "__module__", "__class__")
        given = [node.get(field) if isinstance(node, dict) else None for field in fields]
        if not all(isinstance(value, str) for value in given):
            raise StoreError(f"{place_of(path)} is no node of skops")
        identity = node.get("__id__")
        if identity is not None:
            first = self._ids.setdefault(identity, node) if type(identity) is int else None
            if first is None or (first is not node and not is_equal(first, node)):
                raise StoreError(f"{place_of(path)} has the id of another object")
        return node["__loader__"], node["__module__"], node["__class__"]

    def allow(self, path: str, node: Node, *roles: str) -> None:
        """Refuse a node whose name isn't trusted in any of some roles."""
        module, name = node["__module__"], node["__class__"]
        if not any(self._trust.allows(role, module, name) for role in roles):
            raise refused(path, f"{module}.{name}")

    def exactly(self, path: str, node: Node, *expected: str) -> None:
        """Refuse a node that isn't one of some names."""
        full = f"{node['__module__']}.{node['__class__']}"
        if full not in expected:
            raise refused(path, full)

    def file(self, path: str, node: Node) -> None:
        """Refuse a file that isn't in the archive."""
        if node["file"] not in self._files:
            raise StoreError(f"{place_of(path)} is in a file that the archive doesn't have")

    # A rule a kind of node ------------------------------------------------------------------

    def json(self, path: str, node: Node) -> Children:
        json.loads(node["content"])
        yield from ()

    def mapping(self, path: str, node: Node) -> Children:
        self.allow(path, node, "mappings")
        types, content = node["key_types"], node["content"]
        self.exactly(path, types, "builtins.list")
        for key_type in types["content"]:
            check_key(path, key_type)
        if len(types["content"]) != len(content):
            raise StoreError(f"{place_of(path)} is a dict with keys that are the same as text")
        yield "", types
        yield from ((step(key), value) for key, value in content.items())

    def default(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "collections.defaultdict")
        main = node["content"]["main"]
        if any(key_type["__class__"] != "str" for key_type in main["key_types"]["content"]):
            raise StoreError(f"{place_of(path)} is a defaultdict with keys that aren't strings")
        yield "", main
        yield ".default_factory", node["content"]["default_factory"]

    def sequence(self, path: str, node: Node) -> Children:
        plain = {"ListNode": "builtins.list", "SetNode": "builtins.set"}
        if not is_named(node, plain.get(node["__loader__"], "builtins.tuple")):
            self.allow(path, node, "constructors")
        yield from ((f"[{i}]", value) for i, value in enumerate(node["content"]))

    def function(self, path: str, node: Node) -> Children:
        self.allow(path, node, "functions", "types", "objects")
        yield from ()

    def partial(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "functools.partial")
        yield from ((f".{attribute}", node["content"][attribute]) for attribute in _PARTIAL)

    def slice(self, path: str, node: Node) -> Children:
        if any(type(bound) not in (int, type(None)) for bound in node["content"].values()):
            raise StoreError(f"{place_of(path)} is a slice of something else than whole numbers")
        yield from ()

    def construct(self, path: str, node: Node) -> Children:
        self.allow(path, node, "constructors")
        self.exactly(path, node["content"], "builtins.tuple")
        yield "", node["content"]

    def object(self, path: str, node: Node) -> Children:
        self.allow(path, node, "objects")
        content = node.get("content")
        if content is not None:
            check_state(path, content)
            self._check_predictor(path, node, content)
            yield "", content

    def _check_predictor(self, path: str, node: Node, state: Node) -> None:
        if node["__class__"] != "TreePredictor" or state["__loader__"] != "DictNode":
            return
        if not is_sound_predictor(self._array, state["content"]):
            raise StoreError(f"{place_of(path)} is a tree whose nodes point outside of it")

    def _array(self, name: str) -> Any:
        """Return an array that is in a file of the archive."""
        import numpy

        return numpy.load(io.BytesIO(self._archive.read(name)), allow_pickle=False)

    def method(self, path: str, node: Node) -> Children:
        content, module, name = node["content"], node["__module__"], node["__class__"]
        function = content["func"]
        if (content["obj"]["__module__"], content["obj"]["__class__"]) != (module, name):
            raise StoreError(f"{place_of(path)} is a method of another object than it says")
        own = self._trust.own and f"{module}.".startswith(f"{self._trust.own}.")
        if not function.isidentifier() or function.startswith("_"):
            raise refused(path, f"{module}.{name}.{function}")
        if not own and f"{module}.{name}.{function}" not in self._trust.names:
            raise refused(path, f"{module}.{name}.{function}")
        yield ".__self__", content["obj"]

    def bytes(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "builtins.bytes", "builtins.bytearray")
        self.file(path, node)
        yield from ()

    def operator(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "operator.itemgetter")
        yield "", node["attrs"]

    def array(self, path: str, node: Node) -> Children:
        if not is_named(node, "numpy.ndarray") and not is_scalar(node):
            raise refused(path, f"{node['__module__']}.{node['__class__']}")
        if node["type"] == "numpy":
            self.file(path, node)
            return
        yield ".shape", node["shape"]
        yield from ((f"[{i}]", element) for i, element in enumerate(node["content"]))

    def masked(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray")
        yield ".data", node["content"]["data"]
        yield ".mask", node["content"]["mask"]

    def dtype(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "numpy.dtype")
        self.exactly(path, node["content"], "numpy.ndarray")
        yield "", node["content"]

    def random_state(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "numpy.random.mtrand.RandomState")
        yield "", node["content"]

    def generator(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "numpy.random._generator.Generator")
        name = json.loads(node["content"]["bit_generator"]["content"]["bit_generator"]["content"])
        if name not in _BIT_GENERATORS:
            raise refused(path, f"numpy.random.{name}")
        yield ".bit_generator", node["content"]["bit_generator"]
        yield ".seed_seq", node["content"]["seed_seq"]

    def sparse(self, path: str, node: Node) -> Children:
        if not node["__module__"].startswith("scipy.sparse._"):
            raise refused(path, f"{node['__module__']}.{node['__class__']}")
        self.file(path, node)
        yield from ()

    def tree(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "sklearn.tree._tree.Tree")
        if not is_sound_tree(self._array, node):
            raise StoreError(f"{place_of(path)} is a tree whose nodes point outside of it")
        yield from self._reduced(node)

    def loss(self, path: str, node: Node) -> Children:
        self.allow(path, node, "losses")
        yield from self._reduced(node)

    @staticmethod
    def _reduced(node: Node) -> Children:
        yield "", node["__reduce__"]["args"]
        yield "", node["content"]


_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
_PARTIAL = ("func", "args", "kwds", "namespace")
_RULES: Mapping[str, Callable[[_Audit, str, Node], Children]] = {
    "JsonNode": _Audit.json,
    "DictNode": _Audit.mapping,
    "DefaultDictNode": _Audit.default,
    "ListNode": _Audit.sequence,
    "SetNode": _Audit.sequence,
    "TupleNode": _Audit.sequence,
    "FunctionNode": _Audit.function,
    "TypeNode": _Audit.function,
    "PartialNode": _Audit.partial,
    "SliceNode": _Audit.slice,
    "ConstructorFromReduceNode": _Audit.construct,
    "ObjectNode": _Audit.object,
    "MethodNode": _Audit.method,
    "BytesNode": _Audit.bytes,
    "BytearrayNode": _Audit.bytes,
    "OperatorFuncNode": _Audit.operator,
    "NdArrayNode": _Audit.array,
    "MaskedArrayNode": _Audit.masked,
    "DTypeNode": _Audit.dtype,
    "RandomStateNode": _Audit.random_state,
    "RandomGeneratorNode": _Audit.generator,
    "SparseMatrixNode": _Audit.sparse,
    "TreeNode": _Audit.tree,
    "LossNode": _Audit.loss,
}
"""Kind of node → its rule. Kinds that skops no longer writes have none."""
