"""The folder that Prometheus takes rules from: a file a group, named by its owner and group."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas import files
from atlas.advice import bring_up
from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.kinds.served_folder import ServedFolder, folder_at
from atlas_provider import promtool
from atlas_provider.program import SPECIFICATION
from atlas_provider.supervision import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_provider.prometheus import Prometheus

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
"""How a group may be called: its name is the name of its file."""
OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
"""How an owner may be called: its name, with + for /, is in front of the names of its files."""
SECONDS = 15.0
"""How long it may take until Prometheus has loaded rules."""
_ENDING, _OF = ".yml", "@"


@dataclass(frozen=True, slots=True)
class RuleFolder(ServedFolder):
    """The rules of one owner.

    Attributes:
        root: the folder that Prometheus takes rules from.
        prefix: what the names of the owner's files begin with.
    """

    root: Path
    prefix: str

    @classmethod
    def at(cls, url: str, owner: str) -> RuleFolder:
        """Return an owner's rules in a folder.

        Raises:
            PlatformError: the folder isn't on this machine, or isn't there.
        """
        root = folder_at(url, "rules", "the folder of rules")
        return cls(root, f"{owner.replace('/', '+')}{_OF}")

    def names(self) -> list[str]:
        """Return the names of the groups that are there, sorted."""
        return sorted(name for path in self.root.iterdir() if (name := self._name(path.name)))

    def file(self, name: str) -> Path:
        """Return a group's file."""
        return self.root / f"{self.prefix}{name}{_ENDING}"

    def write(self, name: str, content: bytes | None) -> None:
        """Write a group's file, or remove it; until it is whole its name has no such ending."""
        if content is None:
            files.remove(self.file(name))
        else:
            files.write(self.file(name), content)

    @property
    def seconds(self) -> float:
        """Return how long it may take until Prometheus has loaded rules."""
        return SECONDS

    def is_of(self, file: str, name: str) -> bool:
        """Tell whether a file that Prometheus has loaded is a group's.

        Args:
            file: its path, as Prometheus sees it.
            name: the group's name.
        """
        return self._name(file.replace("\\", "/").rpartition("/")[2]) == name

    def reload(self, prometheus: Prometheus) -> None:
        """Have Prometheus load its rules again: on a local platform by a signal.

        The folder is in Prometheus's own there, so supervisord, whose child it is, is asked to.

        Raises:
            PlatformError: it doesn't run, or it refuses.
        """
        home = self.root.parent
        if not (home / SPECIFICATION).exists():
            prometheus.reload()
        elif not Supervisor(home.parent).signal(home.name, "HUP"):
            raise PlatformError(f"{home.name}: not running; {bring_up('brings it back')}")

    def obstacle(self) -> str:
        """Return the first file that promtool refuses, and why; empty for none."""
        found = ((file, promtool.ailment(file)) for file in sorted(self.root.glob(f"*{_ENDING}")))
        broken = next((f"{file}: {why}" for file, why in found if why), "")
        return f"for another file is broken, and it takes all or none: {broken}" if broken else ""

    def _name(self, file: str) -> str:
        """Return the name of the group that a file is of; empty for none of the owner's."""
        is_own = file.startswith(self.prefix) and file.endswith(_ENDING)
        return file.removeprefix(self.prefix).removesuffix(_ENDING) if is_own else ""
