"""The manifest of an artifact: what makes it whole, and lets a reader know that it is."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
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
    """

    format: str
    type: str
    sha256: str
    size: int
    data: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain data."""
        return {
            "format": self.format, "type": self.type, "sha256": self.sha256, "size": self.size,
            "data": self.data, **({"facts": dict(self.facts)} if self.facts else {}),
        }  # fmt: skip

    @property
    def text(self) -> bytes:
        """The manifest's JSON, as it is stored."""
        return canonical(self.to_json()).encode()

    @classmethod
    def parse(cls, text: bytes) -> Manifest:
        """Read back what `text` gave.

        Raises:
            ValueError: it is no manifest.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from None


def file_digest(path: Path) -> tuple[str, int]:
    """Return the sha256 and the size in bytes of a file."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        return hashlib.file_digest(file, "sha256").hexdigest(), size


def path_digest(path: Path) -> tuple[str, int]:
    """Return the sha256 and the size in bytes of a file or of all files in a folder."""
    if not path.is_dir():
        return file_digest(path)
    found = {}
    for top, _, names in os.walk(path):
        for name in names:
            file = path.__class__(top, name)
            found[file.relative_to(path).as_posix()] = file_digest(file)
    whole = digest({name: sha256 for name, (sha256, _) in found.items()})
    return whole, sum(size for _, size in found.values())
