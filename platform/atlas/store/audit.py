"""Looking through a skops archive before anything of it is imported or made.

`skops` itself checks names, but takes one list for every use of them: a class that may be an
object's could then be called with a list, and an `operator.call` among the "operators" runs what it
is given. Here every kind of node has its own rule, and a kind without one is refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO, TypeAlias

    from atlas.store.trust import Trust

    Node: TypeAlias = Mapping[str, Any]
    Children: TypeAlias = Iterator[tuple[str, Any]]

PROTOCOL = 2
"""The one version of skops' format that is read: its nodes are those that the rules know."""
_KEYS = ("int", "float", "str")
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
        self._files = {one.filename: one for one in archive.infolist()}
        self._archive = archive
        self._ids: dict[int, Node] = {}

    def run(self) -> None:
        """Check the whole archive."""
        packed = [one.filename for one in self._files.values() if one.compress_type != ZIP_STORED]
        if packed:
            raise StoreError(f"'{packed[0]}' in it is compressed; Atlas writes it as it is")
        if _SCHEMA not in self._files:
            raise StoreError("it has no schema.json, so it is no skops archive")
        schema = json.loads(self._archive.read(_SCHEMA), object_pairs_hook=_once)
        if not isinstance(schema, dict) or schema.get("protocol") != PROTOCOL:
            found = schema.get("protocol") if isinstance(schema, dict) else type(schema).__name__
            raise StoreError(
                f"it is of skops' protocol {found!r}, expected {PROTOCOL}; train the model again"
            )
        self._walk(schema)

    def _walk(self, root: Any) -> None:
        waiting = [("", root)]
        while waiting:
            path, node = waiting.pop()
            loader, module, name = self._kind(path, node)
            rule = _RULES.get(loader)
            if rule is None:
                raise _refused(path, f"a {module}.{name}, kept in a way ({loader}) that isn't read")
            try:
                waiting += [(f"{path}{one}", child) for one, child in rule(self, path, node)]
            except (KeyError, TypeError, AttributeError, ValueError):
                raise StoreError(f"{_place(path)} has a malformed {loader}") from None

    def _kind(self, path: str, node: Any) -> tuple[str, str, str]:
        """Return a node's loader, module and class; nodes of one id are one object, and equal."""
        fields = ("__loader__", "__module__", "__class__")
        given = [node.get(one) if isinstance(node, dict) else None for one in fields]
        if not all(isinstance(one, str) for one in given):
            raise StoreError(f"{_place(path)} is no node of skops")
        identity = node.get("__id__")
        if identity is not None:
            first = self._ids.setdefault(identity, node) if type(identity) is int else None
            if first is None or (first is not node and not _equal(first, node)):
                raise StoreError(f"{_place(path)} has the id of another object")
        return node["__loader__"], node["__module__"], node["__class__"]

    def allow(self, path: str, node: Node, *roles: str) -> None:
        """Refuse a node whose name isn't trusted in any of some roles."""
        module, name = node["__module__"], node["__class__"]
        if not any(self._trust.allows(role, module, name) for role in roles):
            raise _refused(path, f"{module}.{name}")

    def exactly(self, path: str, node: Node, *expected: str) -> None:
        """Refuse a node that isn't one of some names."""
        full = f"{node['__module__']}.{node['__class__']}"
        if full not in expected:
            raise _refused(path, full)

    def file(self, path: str, node: Node) -> None:
        """Refuse a file that isn't in the archive."""
        if node["file"] not in self._files:
            raise StoreError(f"{_place(path)} is in a file that the archive doesn't have")

    # A rule a kind of node ------------------------------------------------------------------

    def json(self, path: str, node: Node) -> Children:
        json.loads(node["content"])
        yield from ()

    def mapping(self, path: str, node: Node) -> Children:
        self.allow(path, node, "mappings")
        types, content = node["key_types"], node["content"]
        self.exactly(path, types, "builtins.list")
        for one in types["content"]:
            _check_key(path, one)
        if len(types["content"]) != len(content):
            raise StoreError(f"{_place(path)} is a dict with keys that are the same as text")
        yield "", types
        yield from ((_step(key), value) for key, value in content.items())

    def default(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "collections.defaultdict")
        main = node["content"]["main"]
        if any(one["__class__"] != "str" for one in main["key_types"]["content"]):
            raise StoreError(f"{_place(path)} is a defaultdict with keys that aren't strings")
        yield "", main
        yield ".default_factory", node["content"]["default_factory"]

    def sequence(self, path: str, node: Node) -> Children:
        plain = {"ListNode": "builtins.list", "SetNode": "builtins.set"}
        if not _is(node, plain.get(node["__loader__"], "builtins.tuple")):
            self.allow(path, node, "constructors")
        yield from ((f"[{i}]", value) for i, value in enumerate(node["content"]))

    def function(self, path: str, node: Node) -> Children:
        self.allow(path, node, "functions", "types", "objects")
        yield from ()

    def partial(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "functools.partial")
        yield from ((f".{one}", node["content"][one]) for one in _PARTIAL)

    def slice(self, path: str, node: Node) -> Children:
        if any(type(one) not in (int, type(None)) for one in node["content"].values()):
            raise StoreError(f"{_place(path)} is a slice of something else than whole numbers")
        yield from ()

    def construct(self, path: str, node: Node) -> Children:
        self.allow(path, node, "constructors")
        self.exactly(path, node["content"], "builtins.tuple")
        yield "", node["content"]

    def object(self, path: str, node: Node) -> Children:
        self.allow(path, node, "objects")
        content = node.get("content")
        if content is not None:
            _check_state(path, content)
            yield "", content

    def method(self, path: str, node: Node) -> Children:
        content, module, name = node["content"], node["__module__"], node["__class__"]
        function = content["func"]
        if (content["obj"]["__module__"], content["obj"]["__class__"]) != (module, name):
            raise StoreError(f"{_place(path)} is a method of another object than it says")
        own = self._trust.own and f"{module}.".startswith(f"{self._trust.own}.")
        if not function.isidentifier() or function.startswith("_"):
            raise _refused(path, f"{module}.{name}.{function}")
        if not own and f"{module}.{name}.{function}" not in self._trust.names:
            raise _refused(path, f"{module}.{name}.{function}")
        yield ".__self__", content["obj"]

    def bytes(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "builtins.bytes", "builtins.bytearray")
        self.file(path, node)
        yield from ()

    def operator(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "operator.itemgetter")
        yield "", node["attrs"]

    def array(self, path: str, node: Node) -> Children:
        if not _is(node, "numpy.ndarray") and not _is_scalar(node):
            raise _refused(path, f"{node['__module__']}.{node['__class__']}")
        if node["type"] == "numpy":
            self.file(path, node)
            return
        yield ".shape", node["shape"]
        yield from ((f"[{i}]", one) for i, one in enumerate(node["content"]))

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
            raise _refused(path, f"numpy.random.{name}")
        yield ".bit_generator", node["content"]["bit_generator"]
        yield ".seed_seq", node["content"]["seed_seq"]

    def sparse(self, path: str, node: Node) -> Children:
        if not node["__module__"].startswith("scipy.sparse._"):
            raise _refused(path, f"{node['__module__']}.{node['__class__']}")
        self.file(path, node)
        yield from ()

    def tree(self, path: str, node: Node) -> Children:
        self.exactly(path, node, "sklearn.tree._tree.Tree")
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


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a key twice: which one counts is for each reader to decide."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise StoreError("its schema.json has a key twice")
    return found


_UNEQUAL = {"__id__", "file"}


def _equal(one: Any, other: Any) -> bool:
    """Tell whether two nodes are the same but for their ids and the files of their arrays."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() - _UNEQUAL
        same = keys == other.keys() - _UNEQUAL
        return same and all(_equal(one[key], other[key]) for key in keys)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return type(one) is type(other) and bool(one == other)


def _is(node: Node, full: str) -> bool:
    return f"{node['__module__']}.{node['__class__']}" == full


def _is_scalar(node: Node) -> bool:
    from atlas.store.trust import listed

    return node["__module__"] == "numpy" and node["__class__"] in listed()["types"]["numpy"]


def _check_key(path: str, node: Node) -> None:
    """Refuse keys that don't come back as they were: only numbers and strings do."""
    name = node["__class__"]
    plain = node["__module__"] == "builtins" and name in _KEYS
    numbers = _is_scalar(node) and name not in ("bool", "bool_", "void", "object_", "bytes_")
    if node["__loader__"] != "TypeNode" or not (plain or numbers):
        raise StoreError(
            f"{_place(path)} is a dict with keys of type {name}, which skops doesn't give back; "
            "expected keys that are strings or numbers"
        )


def _check_state(path: str, state: Node) -> None:
    """Refuse a state in which attributes can't be told, and a folder of cached results in it.

    An estimator's ``memory`` is read at its next fit, and what it has are pickles.
    """
    loader = state["__loader__"]
    if loader not in ("DictNode", "TupleNode") and (loader, state["content"]) != _NO_STATE:
        raise StoreError(f"{_place(path)} has its attributes in a {loader}, expected a DictNode")
    memory = state["content"].get("memory") if loader == "DictNode" else None
    if memory is not None and (memory["__loader__"], memory["content"]) != _NO_STATE:
        raise StoreError(
            f"{_place(f'{path}.memory')} is set: a fit would read pickles from there; "
            "set it to None before the step returns the model"
        )


_NO_STATE = ("JsonNode", "null")


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


def _place(path: str) -> str:
    return f"its attribute {clean(path.removeprefix('.'), 200)}" if path else "it"


def _refused(path: str, what: str) -> StoreError:
    what = clean(what, 200)
    if "<" in what or what.startswith("__main__."):
        hint = "define it at the top of a module of the pipeline, where reading finds it"
        return StoreError(
            f"{_place(path)} is {what}, which can't be found again by its name; {hint}"
        )
    return StoreError(
        f"{_place(path)} is {what}, which models may not be made of; if you trust it, name it in "
        f'the Recipe: "outputs": {{"NAME": {{"format": "skops", "trust": ["{what}"]}}}}'
    )
