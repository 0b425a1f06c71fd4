"""The outbox: which runs MLflow doesn't know yet. What they were, their store knows."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.processes import ProcessIdentity, own
from atlas.store import FolderLocation
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.store import Run, Store

FOLDER = "outbox"
"""Its folder below the state folder."""
_LONGEST_SECONDS = 3600.0
_FORMER = "spool"
"""The folder that it had in earlier versions of Atlas."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A run that is to be sent to MLflow.

    Attributes:
        store: URL of its artifact store.
        pipeline: the Plan's name.
        run: the run's id.
        parent: name of the family's run that it is nested in, or empty.
        process: identity of the process that runs it; empty once it is over.
        problem: why MLflow has refused it; it is then sent by `atlas runs --sync` alone.
        not_before: until when it isn't sent, in seconds since 1970; empty for no such time.
    """

    store: str
    pipeline: str
    run: str
    parent: str = ""
    process: str = ""
    problem: str = ""
    not_before: str = ""

    @property
    def seconds_left(self) -> float:
        """For how many seconds it isn't sent yet; never more than an hour."""
        try:
            left = float(self.not_before or 0) - time.time()
        except ValueError:
            return 0.0
        return left if 0 < left < _LONGEST_SECONDS else 0.0

    @property
    def is_running(self) -> bool:
        """Whether the process that runs it is still there."""
        process = ProcessIdentity.parse(self.process)
        return process is not None and process.is_alive


@dataclass(frozen=True)
class Outbox:
    """A folder with one small file for each run that is pending.

    Attributes:
        folder: ``<state>/outbox``.
    """

    folder: Path

    def add(self, pending: Pending) -> None:
        """Remember a run, or what has changed of it."""
        place = FolderLocation(self.folder)
        place.write(_name(pending), canonical(asdict(pending)).encode())

    def remove(self, pending: Pending) -> None:
        """Forget a run that MLflow knows."""
        (self.folder / _name(pending)).unlink(missing_ok=True)

    def find(self, pending: Pending) -> Pending | None:
        """Return what is kept of a run now; None when it has been sent meanwhile."""
        return _read(self.folder / _name(pending))

    def pending(self) -> Iterator[Pending]:
        """Return the runs that are pending, by the time at which they started."""
        by_time = ((_modified(file), file) for file in self.folder.glob("*.json"))
        for _, file in sorted(by_time):
            pending = _read(file)
            if pending is not None:
                yield pending

    def unreadable(self) -> list[str]:
        """Return the names of files in it that aren't a pending run's."""
        return [file.name for file in sorted(self.folder.glob("*.json")) if _read(file) is None]


def pending_for(store: Store, run: Run, *, running: bool, parent: str = "") -> Pending:
    """Return what the outbox keeps of a run."""
    process = str(own()) if running else ""
    return Pending(store.url, run.pipeline, run.id, parent, process)


def outbox_in(state: Path) -> Outbox:
    """Return the outbox of a state folder; what an earlier version left there is taken over."""
    outbox, former = Outbox(state / FOLDER), state / _FORMER
    if former.is_dir():
        with suppress(OSError):
            outbox.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in former.glob("*.json"):
                _take_over(file, outbox.folder / file.name)
            former.rmdir()
    return outbox


def state_outbox() -> Outbox | None:
    """Return the outbox of the state folder that ATLAS_STATE names, if it names one."""
    state = os.environ.get("ATLAS_STATE")
    return outbox_in(Path(state)) if state else None


def _take_over(file: Path, target: Path) -> None:
    """Move a file, unless there is a newer one of its run."""
    with suppress(FileExistsError, FileNotFoundError):
        target.hardlink_to(file)
    file.unlink(missing_ok=True)


def _read(file: Path) -> Pending | None:
    """Return what a file keeps; None where it is gone or isn't a pending run's."""
    try:
        raw = json.loads(file.read_bytes())
        pending = Pending(**{name: raw[name] for name in Pending.__slots__ if name in raw})
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    is_text = all(isinstance(value, str) for value in asdict(pending).values())
    return pending if is_text and _name(pending) == file.name else None


def _modified(file: Path) -> int:
    """Return when a file was written; a file that has gone meanwhile comes first."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _name(pending: Pending) -> str:
    return f"{pending.pipeline}@{pending.run}.json"
