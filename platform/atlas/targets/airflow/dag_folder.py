"""The folder that Airflow reads DAGs from: one file a DAG, there as a whole or not at all."""

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

_PLAN = re.compile(rb'^    "ATLAS_(?:PLAN|MONITORS)": "([0-9a-f]{64})",$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DagFolder:
    """A DAG folder of this machine.

    Attributes:
        path: where it is.
    """

    path: Path

    @classmethod
    def at(cls, url: str) -> DagFolder:
        """Return the folder at a URL.

        Raises:
            PlatformError: it isn't on this machine, or isn't there.
        """
        if not url.startswith("file:"):
            raise PlatformError(f"dags: '{url}' isn't a folder of this machine; expected file:///…")
        path = path_of(url)
        if not path.is_dir():
            raise PlatformError(f"{path}: the DAG folder isn't there; {bring_up('makes it')}")
        return cls(path)

    @staticmethod
    def is_at(url: str) -> bool:
        """Tell whether there is a folder at a URL, on this machine."""
        return url.startswith("file:") and path_of(url).is_dir()

    def file(self, name: str) -> Path:
        """Return a DAG's file."""
        return self.path / f"{name}.py"

    def read(self, name: str) -> bytes | None:
        """Return a DAG's file, or None when there is none."""
        try:
            return self.file(name).read_bytes()
        except FileNotFoundError:
            return None

    def digest(self, name: str) -> str:
        """Return the digest of a DAG's file; empty when there is none."""
        content = self.read(name)
        return "" if content is None else digest_of(content)

    def plan(self, name: str) -> str:
        """Return the digest of what a DAG's file was compiled from, a Plan; empty for none."""
        match = _PLAN.search(self.read(name) or b"")
        return match[1].decode() if match else ""

    def write(self, name: str, content: bytes) -> None:
        """Write a DAG's file; until it is whole its name has no ending that Airflow reads."""
        files.write(self.file(name), content.decode("ascii"))

    def restore(self, name: str, content: bytes | None) -> None:
        """Put back what `read` gave."""
        if content is None:
            self.remove(name)
        else:
            files.write(self.file(name), content.decode("utf-8", "replace"))

    def remove(self, name: str) -> None:
        """Remove a DAG's file, and what Python compiled of it."""
        files.remove(self.file(name))
        for compiled in self.path.glob(f"__pycache__/{name}.cpython-*.pyc"):
            files.remove(compiled)
