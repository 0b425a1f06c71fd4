"""The manifest of an artifact: what makes it whole, and lets a reader know that it is."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.store.keys import is_data_key
from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


DIGEST = re.compile(r"[0-9a-f]{64}")
"""A sha256 as text."""
ORIGIN = ("run", "interval", "model", "challenger")
"""Keys of a manifest that say of which run it is, and by which model version."""


@dataclass(frozen=True)
class Manifest:
    """What is known of an artifact. It is written last: without one there is no artifact.

    Attributes:
        format: name of its format.
        type: the value's type, such as ``pandas.DataFrame``.
        sha256: of the file; for a folder, of its files' names and digests.
        size: in bytes.
        data: key of the file or folder in the store: the artifact's own, or that of an earlier run
            whose result this one uses.
        facts: what the format keeps.
        origin: in a run of inference, ``run``, ``interval`` and ``model``: of which run it is, and
            which model version that used.

    A manifest is checked when it is made: it comes from files that others may have written.

    Raises:
        ValueError: a field is of another kind than it must be, or its data are in no artifact's
            folder.
    """

    format: str
    type: str
    sha256: str
    size: int
    data: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every field."""
        texts = isinstance(self.format, str) and isinstance(self.type, str)
        if not texts or type(self.size) is not int or not isinstance(self.facts, dict):
            raise ValueError("a field is of another kind than expected")
        if not isinstance(self.sha256, str) or not DIGEST.fullmatch(self.sha256):
            raise ValueError(f"sha256: found {str(self.sha256)[:80]!r}, expected 64 digits")
        if not isinstance(self.data, str) or not is_data_key(self.data):
            raise ValueError(f"data: found {str(self.data)[:200]!r}, expected an artifact's data")
        for name, fact in self.origin.items():
            if not _is_origin(fact):
                raise ValueError(f"{name}: found {str(fact)[:80]!r}, expected text or an object")

    @cached_property
    def digest(self) -> str:
        """The sha256 of all that it says of the value: neither where the data are, nor of whom."""
        return digest({k: v for k, v in self.to_json().items() if k not in ("data", *ORIGIN)})

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain data."""
        return {
            "format": self.format, "type": self.type, "sha256": self.sha256, "size": self.size,
            "data": self.data, **({"facts": dict(self.facts)} if self.facts else {}),
            **self.origin,
        }  # fmt: skip

    @property
    def text(self) -> bytes:
        """The manifest's JSON, as it is stored."""
        return canonical(self.to_json()).encode()

    @classmethod
    def parse(cls, text: bytes) -> Manifest:
        """Read back what `text` gave.

        Raises:
            ValueError: it isn't a manifest.
        """
        try:
            raw = json.loads(text)
        except RecursionError:
            raise ValueError("nested too deep") from None
        return cls.from_json(raw)

    @classmethod
    def from_json(cls, raw: Any) -> Manifest:
        """Read back what `to_json` gave.

        Raises:
            ValueError: it isn't a manifest.
        """
        if not isinstance(raw, dict):
            raise ValueError(f"found a {type(raw).__name__}, expected a JSON object")
        own = {name: value for name, value in raw.items() if name not in ORIGIN}
        try:
            return cls(**own, origin={name: raw[name] for name in ORIGIN if name in raw})
        except TypeError as error:
            raise ValueError(str(error)) from None


def _is_origin(fact: Any) -> bool:
    """Tell whether a fact of the origin is a text, or texts by name."""
    texts = fact.values() if isinstance(fact, dict) else (fact,)
    return all(isinstance(text, str) for text in texts)


def file_digest(path: Path) -> tuple[str, int]:
    """Return the sha256 and the size in bytes of a file.

    Raises:
        StoreError: it is a pipe or a device: reading it might never end.
    """
    with open(path, "rb", buffering=0, opener=_without_links) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(f"{path}: found a pipe or a device, expected a file")
        return hashlib.file_digest(file, "sha256").hexdigest(), status.st_size


def _without_links(path: str, flags: int) -> int:
    """Open a file that isn't a link; a pipe without waiting for who writes to it."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def path_size(path: Path) -> int:
    """Return the size in bytes of a file or of all files in a folder."""
    if not path.is_dir():
        return path.stat().st_size
    files = (path.__class__(top, name) for top, _, names in os.walk(path) for name in names)
    return sum(file.stat().st_size for file in files)


def path_digest(path: Path, size: int | None = None) -> tuple[str, int]:
    """Return the sha256 and the size in bytes of a file or of all files in a folder.

    Args:
        path: the file or folder.
        size: what a file's is expected to be; one of another size isn't read, and its sha256 is
            empty.
    """
    if not path.is_dir():
        status = path.lstat()
        is_other = stat.S_ISREG(status.st_mode) and size not in (None, status.st_size)
        return ("", status.st_size) if is_other else file_digest(path)
    digests = {}
    for top, folders, names in os.walk(path):
        for name in (*names, *(folder for folder in folders if os.path.islink(f"{top}/{folder}"))):
            file = path.__class__(top, name)
            if file.is_symlink():
                raise StoreError(f"{file}: is a link; links in an artifact's folder aren't read")
            digests[file.relative_to(path).as_posix()] = file_digest(file)
    whole = digest({name: sha256 for name, (sha256, _) in digests.items()})
    return whole, sum(size for _, size in digests.values())
