"""The folder that Prometheus takes rules from: below it a folder for each owner, a file a group."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas import files
from atlas.advice import bring_up
from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.kinds.content import digest_of
from atlas.uris import path_of

if TYPE_CHECKING:
    from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
"""How a group may be called: its name is the name of its file."""
OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
"""How an owner may be called, of which the name of its folder is made."""
_ENDING = ".yml"


@dataclass(frozen=True, slots=True)
class RuleFolder:
    """The rules of one owner.

    Attributes:
        root: the folder that Prometheus takes rules from.
        path: the owner's folder in it, which need not be there.
    """

    root: Path
    path: Path

    @classmethod
    def at(cls, url: str, owner: str) -> RuleFolder:
        """Return an owner's folder.

        Raises:
            PlatformError: the folder of all isn't on this machine, or isn't there.
        """
        if not url.startswith("file:"):
            raise PlatformError(f"rules: '{url}' is no folder of this machine; expected file:///…")
        root = path_of(url)
        if not root.is_dir():
            raise PlatformError(f"{root}: the folder of rules isn't there; {bring_up('makes it')}")
        return cls(root, root / owner.replace("/", "+"))

    @staticmethod
    def is_at(url: str) -> bool:
        """Tell whether there is a folder of rules at a URL, on this machine."""
        return url.startswith("file:") and path_of(url).is_dir()

    def names(self) -> list[str]:
        """Return the names of the groups that are there, sorted."""
        return sorted(path.name.removesuffix(_ENDING) for path in self.path.glob(f"*{_ENDING}"))

    def file(self, name: str) -> Path:
        """Return a group's file."""
        return self.path / f"{name}{_ENDING}"

    def read(self, name: str) -> bytes | None:
        """Return a group's file, or None when there is none."""
        try:
            return self.file(name).read_bytes()
        except FileNotFoundError:
            return None

    def digest(self, name: str) -> str:
        """Return the digest of a group's file; empty when there is none."""
        content = self.read(name)
        return "" if content is None else digest_of(content)

    def write(self, name: str, content: bytes | None) -> None:
        """Write a group's file, or remove it; until it is whole its name has no such ending."""
        if content is not None:
            files.make_folder(self.path)
            files.write(self.file(name), content)
            return
        files.remove(self.file(name))
        files.remove_empty(self.path)

    def is_file(self, file: str, name: str) -> bool:
        """Tell whether a path that Prometheus has loaded is a group's file, wherever it sees it."""
        return file.replace("\\", "/").endswith(f"/{self.path.name}/{name}{_ENDING}")

    def has(self, file: str) -> bool:
        """Tell whether a path that Prometheus has loaded is one of the owner's files."""
        return file.replace("\\", "/").split("/")[-2:-1] == [self.path.name]
