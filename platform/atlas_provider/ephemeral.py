"""A platform that lives as long as whoever uses it: its folder, its owners, and its end.

Everything of it is in one temporary folder::

    atlas-ephemeral-XXXXXXXX/
        owners/     a file for each process that uses it, named by pid, start time and boot
        tie         a FIFO: owners hold its writing end, the supervisor its reading end
        lock        who joins, leaves or ends it has this locked
        asked.json  what was asked for: the services, and when it ends at the latest
        supervisor  the identity of its supervisor
        kept, ending  marks: it outlives its owners; it is being taken down
        state/      the state folder

The system closes what a process held, however it ended: so the supervisor reads the end of the tie,
sees that no owner is alive, and takes everything away. Processes are found by the folder's path in
their environment, never by a pid that was written down.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas import files, processes
from atlas.errors import PlatformError
from atlas.processes import ProcessIdentity
from atlas_provider import process_trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PREFIX = "atlas-ephemeral-"
STACK = "local"
"""The stack's name; there is one in each folder."""
_END_SECONDS = 3.0
_ROUNDS = 20
_PAUSE_SECONDS = 0.05
_YOUNG_SECONDS = 60.0
"""For how long a folder without an owner may be one that is just being made."""


@dataclass(frozen=True, slots=True)
class EphemeralFolder:
    """The folder of an ephemeral platform.

    Attributes:
        root: where it is, absolute.
    """

    root: Path

    def __post_init__(self) -> None:
        """Refuse any other folder: this one is deleted with all that is in it.

        Raises:
            PlatformError: the name isn't that of an ephemeral platform's folder.
        """
        if not self.root.is_absolute() or not self.root.name.startswith(PREFIX):
            raise PlatformError(f"{self.root}: expected an ephemeral platform's folder, {PREFIX}…")

    @classmethod
    def make(cls, services: Sequence[str], seconds: float) -> EphemeralFolder:
        """Make the folder of a new platform, which this process owns.

        Args:
            services: the services that it has; all, where it names none.
            seconds: how long it lives at the most.
        """
        folder = cls(Path(tempfile.mkdtemp(prefix=PREFIX)).resolve())
        files.write(folder._owner(), "")
        asked = {"services": list(services), "ends": time.time() + seconds}
        files.write(folder.root / "asked.json", json.dumps(asked), sync=False)
        os.mkfifo(folder.tie, files.FILE)
        files.make_folder(folder.platform)
        return folder

    @classmethod
    def of(cls, platform: Path) -> EphemeralFolder | None:
        """Return the one that a platform's folder is in; None for a platform that stays."""
        parents = platform.parents
        root = parents[2] if len(parents) > 2 else platform  # noqa: PLR2004 - state/platform/stack
        return cls(root) if root.name.startswith(PREFIX) and (root / "tie").exists() else None

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.root / "state"

    @property
    def platform(self) -> Path:
        """The folder of the platform's processes."""
        return self.state / "platform" / STACK

    @property
    def tie(self) -> Path:
        """The FIFO between owners and supervisor."""
        return self.root / "tie"

    @property
    def services(self) -> list[str]:
        """The services that were asked for; none for all."""
        return [str(name) for name in self._asked()["services"]]

    @property
    def ends(self) -> float:
        """When it ends at the latest, in seconds since 1970; at once, where nothing says so."""
        try:
            return float(self._asked()["ends"])
        except (OSError, ValueError, LookupError):
            return 0.0

    def _asked(self) -> dict[str, Any]:
        return dict(json.loads((self.root / "asked.json").read_text("utf-8")))

    def mark(self, what: str) -> dict[str, str]:
        """Return the variable by which a process is known to be of this platform."""
        return {process_trees.MARK: f"{self.root}/{what}"}

    def join(self) -> int | None:
        """Hold the writing end of the tie as an owner; None where the supervisor has gone."""
        with suppress(OSError), self.locked():
            if (self.root / "ending").exists():
                return None
            tie = os.open(self.tie, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            files.write(self._owner(), "")
            return tie
        return None

    def add_owner(self, process: ProcessIdentity) -> None:
        """Let the platform live as long as another process, too."""
        files.write(self.root / "owners" / str(process), "")

    def leave(self, tie: int) -> bool:
        """Let go of the tie; tell whether nobody else holds it, and it isn't kept."""
        try:
            with self.locked():
                files.remove(self._owner())
                return not self.is_owned() and not self.is_kept
        except OSError:
            return True
        finally:
            os.close(tie)

    def keep(self) -> None:
        """Let the platform outlive its owners, until its time is over."""
        files.write(self.root / "kept", "")

    @property
    def is_kept(self) -> bool:
        """Whether it outlives its owners."""
        return (self.root / "kept").exists()

    def is_owned(self) -> bool:
        """Tell whether a process is alive that owns it."""
        return any(owner.is_alive for owner in self.owners())

    def owners(self) -> list[ProcessIdentity]:
        """Return the processes that said that they own it."""
        names = [path.name for path in self.root.glob("owners/*")]
        return [owner for owner in map(ProcessIdentity.parse, names) if owner]

    def supervisor(self) -> ProcessIdentity | None:
        """Return its supervisor, if that is alive."""
        try:
            found = ProcessIdentity.parse((self.root / "supervisor").read_text("utf-8"))
        except OSError:
            return None
        return found if found and found.is_alive else None

    def processes(self) -> set[ProcessIdentity]:
        """Return everything that runs of it, except this process."""
        supervisor = self.supervisor()
        own = {supervisor} if supervisor and supervisor.pid != os.getpid() else set()
        return process_trees.marked_below(str(self.root)) | own

    def take_down(self) -> None:
        """End everything of it, and remove the folder; others may be about the same.

        Raises:
            PlatformError: something doesn't end, or can't be removed.
        """
        left: set[ProcessIdentity] = set()
        for _ in range(_ROUNDS):
            left = process_trees.end(self.processes(), _END_SECONDS)
            shutil.rmtree(self.root, ignore_errors=True)
            if not left and not self.root.exists() and not self.processes():
                return
            time.sleep(_PAUSE_SECONDS)
        names = process_trees.describe(left) if left else "files that can't be removed"
        raise PlatformError(f"{self.root}: not taken down: {names}; end and remove these by hand")

    def is_left(self) -> bool:
        """Tell whether nobody takes care of it any more: no owner, and no supervisor."""
        try:
            status = self.root.lstat()
        except OSError:
            return False
        is_ours = status.st_uid == os.geteuid() and not self.root.is_symlink()
        is_old = bool(self.owners()) or status.st_mtime < time.time() - _YOUNG_SECONDS
        return is_ours and is_old and self.supervisor() is None and not self.is_owned()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one at a time join, leave, or end it.

        Raises:
            OSError: the folder isn't there any more.
        """
        with open(self.root / "lock", "ab") as file:
            files.lock(file, wait=True)
            yield

    def _owner(self) -> Path:
        """Return the file by which this process owns it."""
        return self.root / "owners" / str(processes.own())


def leftovers() -> list[EphemeralFolder]:
    """Return the platforms of this machine that nobody takes care of any more."""
    place = Path(tempfile.gettempdir()).resolve()
    found = (EphemeralFolder(path) for path in sorted(place.glob(f"{PREFIX}*")))
    return [folder for folder in found if folder.is_left()]
