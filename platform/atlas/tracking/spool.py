"""The spool: which runs MLflow hasn't been told of yet. What they were, their store knows."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.processes import ProcessIdentity, own
from atlas.store import FilePlace
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.store import Run, Store


@dataclass(frozen=True, slots=True)
class Pending:
    """A run that MLflow is to be told of.

    Attributes:
        store: URL of its artifact store.
        pipeline: the Plan's name.
        run: the run's id.
        parent: name of the family's run that it is nested in, or empty.
        process: identity of the process that runs it; empty once it is over.
    """

    store: str
    pipeline: str
    run: str
    parent: str = ""
    process: str = ""

    @property
    def is_running(self) -> bool:
        """Whether the process that runs it is still there."""
        process = ProcessIdentity.parse(self.process)
        return process is not None and process.is_alive


@dataclass(frozen=True)
class Spool:
    """A folder with one small file for each run that is pending.

    Attributes:
        folder: ``<state>/spool``.
    """

    folder: Path

    def add(self, pending: Pending) -> None:
        """Remember a run, or what has changed of it."""
        place = FilePlace(self.folder)
        place.write(_name(pending), canonical(asdict(pending)).encode())

    def remove(self, pending: Pending) -> None:
        """Forget a run that MLflow knows."""
        (self.folder / _name(pending)).unlink(missing_ok=True)

    def pending(self) -> Iterator[Pending]:
        """Return the runs that are pending, by the time at which they started."""
        for file in sorted(self.folder.glob("*.json"), key=lambda one: one.stat().st_mtime_ns):
            try:
                raw = json.loads(file.read_text("utf-8"))
                yield Pending(**{name: raw[name] for name in Pending.__slots__ if name in raw})
            except (OSError, ValueError, TypeError):
                continue


def pending_for(store: Store, run: Run, *, running: bool, parent: str = "") -> Pending:
    """Return what the spool keeps of a run."""
    process = str(own()) if running else ""
    return Pending(store.url, run.pipeline, run.id, parent, process)


def state_spool() -> Spool | None:
    """Return the spool of the state folder that ATLAS_STATE names, if it names one."""
    state = os.environ.get("ATLAS_STATE")
    return Spool(Path(state, "spool")) if state else None


def _name(pending: Pending) -> str:
    return f"{pending.pipeline}@{pending.run}.json"
