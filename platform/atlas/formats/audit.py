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
from atlas.formats.audit_rules import RULES
from atlas.formats.nodes import (
    is_equal,
    place_of,
    refused,
    without_repeats,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
        StoreError: it isn't so, or it isn't such an archive; with the attribute and what to do.
    """
    try:
        with ZipFile(archive) as content:
            Audit(content, trust).run()
    except (BadZipFile, RecursionError, ValueError) as error:
        reason = "is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise StoreError(f"it isn't a skops archive that can be read: {reason}") from None


class Audit:
    """Walks one archive's schema, by the rule of each node's kind.

    Attributes:
        trust: what is trusted.
    """

    def __init__(self, archive: ZipFile, trust: Trust) -> None:
        self.trust = trust
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
            raise StoreError("it has no schema.json, so it isn't a skops archive")
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
            rule = RULES.get(loader)
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
            raise StoreError(f"{place_of(path)} isn't a node of skops")
        identity = node.get("__id__")
        if identity is not None:
            first = self._ids.setdefault(identity, node) if type(identity) is int else None
            if first is None or (first is not node and not is_equal(first, node)):
                raise StoreError(f"{place_of(path)} has the id of another object")
        return node["__loader__"], node["__module__"], node["__class__"]

    def allow(self, path: str, node: Node, *roles: str) -> None:
        """Refuse a node whose name isn't trusted in any of some roles."""
        module, name = node["__module__"], node["__class__"]
        if not any(self.trust.allows(role, module, name) for role in roles):
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

    def array(self, name: str) -> Any:
        """Return an array that is in a file of the archive."""
        import numpy

        return numpy.load(io.BytesIO(self._archive.read(name)), allow_pickle=False)
