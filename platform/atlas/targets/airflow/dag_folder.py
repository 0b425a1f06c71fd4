"""The folder that Airflow reads DAGs from: one file a DAG, there as a whole or not at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas import files
from atlas.dataclass import dataclass
from atlas.kinds.served_folder import ServedFolder, folder_at

if TYPE_CHECKING:
    from pathlib import Path

_PLAN = re.compile(rb'^    "ATLAS_(?:PLAN|MONITORS)": "([0-9a-f]{64})",$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DagFolder(ServedFolder):
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
        return cls(folder_at(url, "dags", "the DAG folder"))

    def file(self, name: str) -> Path:
        """Return a DAG's file."""
        return self.path / f"{name}.py"

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
