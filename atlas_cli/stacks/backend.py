"""Where a state folder keeps Pulumi's files, and the environment that makes Pulumi use them.

Nothing of Pulumi is outside the state folder: its home, its file backend, the passphrase, and one
folder for each project with the settings that it writes beside a program (which may lie in a
checkout or in site-packages, where nothing is to be written).
"""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_provider import files

if TYPE_CHECKING:
    from collections.abc import Mapping

_PASSPHRASE_BYTES = 32
_KEPT_UPDATES = 50
# Secrets, caches and state are nobody's to commit; the schemas that editors read are.
_IGNORED = "/*\n!/schemas/\n"
_DROPPED = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN", "PULUMI_STACK")


@dataclass(frozen=True, slots=True)
class Backend:
    """The Pulumi side of a state folder.

    Attributes:
        state: the state folder, absolute.
    """

    state: Path

    @property
    def folder(self) -> Path:
        """Return the folder of Pulumi's file backend."""
        return self.state / "pulumi"

    @property
    def passphrase(self) -> Path:
        """Return the file with the passphrase that encrypts secrets in Pulumi's state."""
        return self.state / "passphrase"

    def workspace(self, project: str) -> Path:
        """Return the folder in which Pulumi keeps a project's settings."""
        return self.folder / "projects" / project

    def stack_file(self, project: str, stack: str) -> Path:
        """Return the file with a stack's state."""
        return self.folder / ".pulumi" / "stacks" / project / f"{stack}.json"

    def locks(self, project: str, stack: str) -> Path:
        """Return the folder of a stack's locks."""
        return self.folder / ".pulumi" / "locks" / "organization" / project / stack

    def prune_history(self, project: str, stack: str) -> None:
        """Remove all but the last 50 updates from a stack's history: each holds the whole state."""
        history = self.folder / ".pulumi" / "history" / project / stack
        updates = sorted(path.name.split(".")[0] for path in history.glob("*.history.json"))
        for update in updates[:-_KEPT_UPDATES]:
            for path in history.glob(f"{update}.*"):
                files.remove(path)

    def prepare(self) -> None:
        """Make the folders and the passphrase, unless they are there."""
        files.make_folder(self.state)
        files.make_folder(self.folder)
        files.write_new(self.state / ".gitignore", _IGNORED)
        if not self.passphrase.exists():
            files.write_new(self.passphrase, secrets.token_urlsafe(_PASSPHRASE_BYTES) + "\n")

    def variables(self, engine: Path) -> dict[str, str]:
        """Return the variables that make an engine use this state folder, and nothing else.

        Args:
            engine: the engine's executable.
        """
        return {
            "ATLAS_STATE": str(self.state),
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), str(engine.parent), os.environ.get("PATH", "")]
            ),
            "PULUMI_BACKEND_URL": f"file://{self.folder}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        }


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what would send Pulumi to another backend or passphrase."""
    return {name: value for name, value in environment.items() if name not in _DROPPED}
