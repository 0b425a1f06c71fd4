"""A folder that Airflow reads DAGs from: one file a DAG, there as a whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas import files
from atlas.dataclass import dataclass
from atlas.kinds.served_folder import folder_at
from atlas.targets.airflow.dag_bundle import PROBE, DagBundle

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DagFolder(DagBundle):
    """A DAG folder of this machine.

    Attributes:
        path: where it is.
    """

    path: Path

    lag = 0.0

    @classmethod
    def at(cls, url: str) -> DagFolder:
        """Return the folder at a URL.

        Raises:
            PlatformError: it isn't on this machine, or isn't there.
        """
        return cls(folder_at(url, "dags", "the DAG folder"))

    @property
    def where(self) -> str:
        """Where it is, for messages."""
        return str(self.path)

    def file(self, name: str) -> Path:
        """Return a DAG's file."""
        return self.path / f"{name}.py"

    def read(self, names: Collection[str]) -> dict[str, bytes]:
        """Return the content of the files that are there."""
        found = {name: self.content(name) for name in names}
        return {name: content for name, content in found.items() if content is not None}

    def content(self, name: str) -> bytes | None:
        """Return what is in a DAG's file; None when there is none."""
        try:
            return self.file(name).read_bytes()
        except FileNotFoundError:
            return None

    def change(self, contents: Mapping[str, bytes | None]) -> None:
        """Write and remove files, one by one."""
        for name, content in contents.items():
            if content is None:
                self.remove(name)
            else:
                self.write(name, content)

    def probe(self) -> None:
        """Write a file without the ending of a DAG's, and remove it.

        Raises:
            AtlasError: the folder can't be written.
        """
        files.write(self.path / PROBE, "")
        files.remove(self.path / PROBE)

    def write(self, name: str, content: bytes) -> None:
        """Write a DAG's file; until it is whole its name has no ending that Airflow reads."""
        files.write(self.file(name), content.decode("utf-8", "replace"))

    def remove(self, name: str) -> None:
        """Remove a DAG's file, and what Python compiled of it."""
        files.remove(self.file(name))
        for compiled in self.path.glob(f"__pycache__/{name}.cpython-*.pyc"):
            files.remove(compiled)
