"""Where stacks are kept, where a state folder keeps Pulumi's files, and how Pulumi learns of both.

Nothing of Pulumi is outside the state folder: its home, its file backend, the passphrase, and one
folder for each project with the settings that it writes beside a program (which may lie in a
checkout or in site-packages, where nothing is to be written). A project may keep its stacks
elsewhere, at any URL that `pulumi login` takes; then credentials and passphrase are the user's.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas import files
from atlas.errors import DeployError
from atlas.uris import path_of, uri_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.environment import Project

_PASSPHRASE_BYTES = 32
# Secrets, caches and state aren't committed; the schemas that editors read may be.
_IGNORED = "/*\n!/schemas/\n"
_PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
_TOKEN = "PULUMI_ACCESS_TOKEN"  # noqa: S105 - a variable's name
_DROPPED = (*_PASSPHRASES, _TOKEN, "PULUMI_STACK", "PULUMI_BACKEND_URL")
_SCHEMES = ("file", "s3", "gs", "azblob", "postgres", "https", "http")
VARIABLE = "ATLAS_BACKEND"
"""The variable that says where stacks are kept, before ``[tool.atlas] backend`` does."""


def without_options(url: str) -> str:
    """Return a file backend's URL without what says how it is written (``?metadata=skip``)."""
    return url.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Backend:
    """The Pulumi side of a state folder.

    Attributes:
        state: the state folder, absolute.
        url: where stacks are kept, as `pulumi login` takes it; empty for in the state folder.
    """

    state: Path
    url: str = ""

    @classmethod
    def of(cls, project: Project) -> Backend:
        """Return where a project keeps its stacks.

        Raises:
            DeployError: no backend of Pulumi's has such a URL, or its folder isn't there.
        """
        url = os.environ.get(VARIABLE) or project.backend
        scheme = url.partition("://")[0]
        if url and (scheme == url or scheme not in _SCHEMES):
            known = ", ".join(f"{supported}://" for supported in _SCHEMES)
            raise DeployError(
                f"backend '{url}': no place for stacks; expected a URL that `pulumi login` takes: "
                f"{known} ({VARIABLE}, or backend in [tool.atlas], says it)"
            )
        if scheme == "file":
            url = without_options(url)
        if scheme == "file" and not path_of(url).is_dir():
            raise DeployError(
                f"backend '{url}': there is no such folder; make it, or mount it, first "
                f"({VARIABLE}, or backend in [tool.atlas], says it)"
            )
        return cls(project.state, url)

    @property
    def folder(self) -> Path:
        """Return the folder of Pulumi's files in the state folder."""
        return self.state / "pulumi"

    @property
    def place(self) -> Path | None:
        """Return the folder of a file backend; None where stacks aren't kept in files here."""
        if not self.url:
            return self.folder
        return path_of(self.url) if self.url.startswith("file:") else None

    @property
    def is_own(self) -> bool:
        """Tell whether stacks are kept in the state folder."""
        return not self.url

    @property
    def passphrase(self) -> Path:
        """Return the file with the passphrase that encrypts secrets in Pulumi's state."""
        return self.state / "passphrase"

    def workspace(self, project: str) -> Path:
        """Return the folder in which Pulumi keeps a project's settings."""
        return self.folder / "projects" / project

    def prepare(self) -> None:
        """Make the folders and the passphrase, unless they are there."""
        files.own(self.state)
        files.make_folder(self._own_home)
        self._log_nothing()
        files.write_new(self.state / ".gitignore", _IGNORED)
        if not self.passphrase.exists():
            files.write_new(self.passphrase, secrets.token_urlsafe(_PASSPHRASE_BYTES) + "\n")

    def _log_nothing(self) -> None:
        """Put a plain file where Pulumi would have the folder of its logs.

        It writes each call that it makes into one, with all that is in it, and has no setting
        against that: more than half of the engine's time where nothing changes on a cluster.
        """
        logs = self._own_home / "logs"
        if logs.is_dir():
            shutil.rmtree(logs, ignore_errors=True)
        if not logs.exists():
            files.write_new(logs, "")

    @property
    def _own_home(self) -> Path:
        """Return where Pulumi keeps its own files for this state folder."""
        return self.folder / "home"

    def variables(self, engine: Path) -> dict[str, str]:
        """Return the variables that make an engine use this state folder, and nothing else.

        Args:
            engine: the engine's executable.
        """
        own = {
            "ATLAS_STATE": str(self.state),
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), str(engine.parent), os.environ.get("PATH", "")]
            ),
            "PULUMI_BACKEND_URL": self._engine_url(),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        }
        return {**own, **self._home(), **self._secrets()}

    def _engine_url(self) -> str:
        """Return the URL that the engine is given.

        Its file backend would write attributes beside each file, in place: an engine that is killed
        meanwhile leaves them empty, and can't read the file that they belong to from then on.
        """
        return self.url if self.place is None else f"{uri_of(self.place)}?metadata=skip"

    def _home(self) -> dict[str, str]:
        """Return where Pulumi keeps its own files: of a service, where `pulumi login` wrote."""
        is_service = self.url.startswith("http")
        return {} if is_service else {"PULUMI_HOME": str(self._own_home)}

    def passphrase_source(self) -> str:
        """Return where the passphrase comes from, for a message."""
        given = [] if self.is_own else [name for name in _PASSPHRASES if name in os.environ]
        return f"{given[0]} (a variable)" if given else str(self.passphrase)

    def _secrets(self) -> dict[str, str]:
        """Return what opens the stacks: a shared backend's are opened as the user says."""
        names = () if self.is_own else (*_PASSPHRASES, _TOKEN)
        theirs = {name: os.environ[name] for name in names if name in os.environ}
        if theirs.keys() & {*_PASSPHRASES}:
            return theirs
        return {**theirs, "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase)}


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what would send Pulumi to another backend or passphrase."""
    return {name: value for name, value in environment.items() if name not in _DROPPED}
