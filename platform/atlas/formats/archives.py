"""Archives of skops that are the same, byte by byte, for equal models."""

from __future__ import annotations

import io
import json
from typing import Any

_IDENTIFIED = {"DictNode", "ListNode", "NdArrayNode", "ObjectNode", "SparseMatrixNode"}
"""Kinds of skops' nodes that can change, so that it matters which of them are the same object."""


def reproducible(content: bytes) -> bytes:
    """Return a skops archive without what differs from process to process.

    That is: the objects' addresses, which skops uses as ids and as names of its files, the order
    of sets, the unused bytes between the fields of records, and the time in the archive.
    """
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        renamed = _Renamed()
        schema = renamed.node(json.loads(archive.read("schema.json")))
        files = [(new, _without_gaps(archive.read(old))) for old, new in renamed.files.items()]
    files.append(("schema.json", json.dumps(schema, separators=(",", ":")).encode()))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data)
    return target.getvalue()


class _Renamed:
    """Numbers a schema's objects and files in the order in which they stand."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._ids: dict[int, int] = {}
        self._count = 0

    def node(self, value: Any) -> Any:
        """Return a part of the schema with new names."""
        if isinstance(value, list):
            return [self.node(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("__loader__") == "SetNode":
            value = {**value, "content": sorted(value["content"], key=_without_ids)}
        renamed = {key: self.node(item) for key, item in value.items() if key != "__id__"}
        if "__loader__" in value:
            self._name(value, renamed)
        return renamed

    def _name(self, value: dict[str, Any], renamed: dict[str, Any]) -> None:
        if isinstance(value.get("file"), str):
            renamed["file"] = self._file(value["file"])
        if isinstance(value.get("__id__"), int):
            renamed["__id__"] = self._id(value["__id__"], value["__loader__"])

    def _file(self, name: str) -> str:
        ending = name.rpartition(".")[2]
        return self.files.setdefault(name, f"{len(self.files)}.{ending}")

    def _id(self, old: int, loader: str) -> int:
        self._count += 1
        return self._ids.setdefault(old, self._count) if loader in _IDENTIFIED else self._count


def _without_gaps(content: bytes) -> bytes:
    """Return an array of records (a tree's nodes are one) with zeros between its fields."""
    import numpy

    if not content.startswith(b"\x93NUMPY") or b"'descr': [" not in content[:128]:
        return content
    array = numpy.load(io.BytesIO(content), allow_pickle=False)
    if array.ndim != 1:
        return content
    clean = numpy.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    header = content[: len(content) - array.nbytes]
    return header + clean.view(numpy.uint8).tobytes()


def _without_ids(node: Any) -> str:
    """Return a node as text that is the same in every process."""
    if isinstance(node, dict):
        return str([(key, _without_ids(node[key])) for key in sorted(node) if key != "__id__"])
    return str(node)
