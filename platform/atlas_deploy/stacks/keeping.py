"""The stacks that a backend keeps: the one place that reads them, whatever the backend.

A folder of this machine is read by itself, which takes no time; anything else the engine reads.
"""

from __future__ import annotations

import glob
import json
import shutil
import time
from contextlib import suppress
from logging import getLogger
from typing import TYPE_CHECKING, Any, Protocol

from atlas import files
from atlas.errors import DeployError
from atlas_deploy.stacks.explain import damaged
from atlas_deploy.stacks.locks import await_unlocked, locks
from atlas_deploy.stacks.repair import META, Paths, clear_attributes, restore, why_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from atlas_deploy.stacks.backend import Backend
    from atlas_deploy.stacks.locks import Lock

_KEPT_UPDATES = 50
_DRAFT_SECONDS = 600.0


class Keeping(Protocol):
    """Where the stacks of projects are kept."""

    def names(self, project: str) -> list[str]:
        """Return the names of a project's stacks, sorted."""

    def exists(self, project: str, stack: str) -> bool:
        """Tell whether there is a stack of that name."""

    def make(self, project: str, stack: str) -> bool:
        """Make an empty stack, unless it is there; False where only the engine can."""

    def forget(self, project: str, stack: str) -> bool:
        """Remove an empty stack and its history; False where only the engine can."""

    def checkpoint(self, project: str, stack: str) -> Mapping[str, Any]:
        """Return a stack's last state, as Pulumi writes it; empty for none.

        Raises:
            DeployError: it can't be read, or is damaged.
        """

    def repair(self, project: str, stack: str) -> None:
        """Put right what a killed engine left half written, unless only the backend can.

        Raises:
            DeployError: the state is damaged, and no earlier one is whole.
        """

    def where(self, project: str, stack: str) -> str:
        """Return where a stack's state is, for a message."""

    def await_unlocked(
        self, project: str, stack: str, seconds: float, say: Callable[[str], None]
    ) -> Sequence[Lock]:
        """Wait for a stack's locks, and return those that don't go; the engine looks for others."""

    def unlock(self, project: str, stack: str) -> list[str]:
        """Break the locks of a stack; return whose they were.

        Raises:
            DeployError: a holder is certainly alive, or the locks can't be broken.
        """

    def tidy(self, project: str, stack: str) -> None:
        """Remove what a stack needs no more."""


def keeping(backend: Backend) -> Keeping:
    """Return the stacks of a backend."""
    if backend.place is not None:
        return Files(backend.place / ".pulumi")
    from atlas_deploy.stacks.remote import Remote

    return Remote(backend)


class Files:
    """Stacks in files of this machine."""

    def __init__(self, folder: Path) -> None:
        """Take the folder ``.pulumi`` of a file backend."""
        self._folder = folder

    def file(self, project: str, stack: str) -> Path:
        """Return the file with a stack's state."""
        return self._folder / "stacks" / project / f"{stack}.json"

    def names(self, project: str) -> list[str]:
        """Return the names of a project's stacks, sorted."""
        return sorted(path.stem for path in (self._folder / "stacks" / project).glob("*.json"))

    def exists(self, project: str, stack: str) -> bool:
        """Tell whether there is a stack of that name."""
        return self.file(project, stack).exists()

    def make(self, project: str, stack: str) -> bool:
        """Make an empty stack as Pulumi writes one, in a new folder or one of today's layout.

        Having the engine do it takes as long as an update.
        """
        if self.exists(project, stack):
            return True
        if not self._folder.exists():
            files.write_new(self._folder / "meta.yaml", META)
        if not (self._folder / "meta.yaml").exists():
            return False
        files.write(self.file(project, stack), _empty(project, stack))
        return True

    def forget(self, project: str, stack: str) -> bool:
        """Remove an empty stack and its history, as Pulumi does; one that isn't empty is left."""
        if any(self.checkpoint(project, stack).get("resources") or ()):
            return False
        shutil.rmtree(self._history(project, stack), ignore_errors=True)
        file = self.file(project, stack)
        for path in (file.with_name(f"{file.name}.attrs"), file):
            files.remove(path)
        return True

    def checkpoint(self, project: str, stack: str) -> Mapping[str, Any]:
        """Return a stack's last state; empty for none.

        Raises:
            DeployError: it can't be read, or is damaged.
        """
        path = self.file(project, stack)
        try:
            try:
                return _latest(path)
            except ValueError:
                self._restore(project, stack)
                return _latest(path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise DeployError(f"{path} can't be read: {(error.strerror or '').lower()}") from None
        except (ValueError, LookupError, TypeError) as error:
            raise DeployError(damaged(str(path), str(error))) from None

    def repair(self, project: str, stack: str) -> None:
        """Put right what a killed engine left half written.

        Raises:
            DeployError: the state is damaged, and no earlier one is whole.
        """
        clear_attributes(self._paths(project, stack))
        self._restore(project, stack)

    def _restore(self, project: str, stack: str) -> None:
        """Replace a state that can't be read by the last one that is whole, and report that."""
        paths = self._paths(project, stack)
        if not (reason := why_unreadable(paths.state)):
            return
        try:
            clear_attributes(paths)
            holders = await_unlocked(self._locks(project, stack), 0, lambda _line: None)
            report = restore(paths, _empty(project, stack), holders)
        except OSError:
            raise DeployError(damaged(str(paths.state), reason)) from None
        if report:
            getLogger(__name__).warning("warning: %s", report)

    def where(self, project: str, stack: str) -> str:
        """Return where a stack's state is."""
        return str(self.file(project, stack))

    def await_unlocked(
        self, project: str, stack: str, seconds: float, say: Callable[[str], None]
    ) -> Sequence[Lock]:
        """Wait for a stack's locks, remove stale ones, and return those that don't go."""
        return await_unlocked(self._locks(project, stack), seconds, say)

    def unlock(self, project: str, stack: str) -> list[str]:
        """Break the locks of a stack; return whose they were.

        Raises:
            DeployError: a holder is certainly alive.
        """
        held = locks(self._locks(project, stack))
        for lock in held:
            if lock.is_alive():
                raise DeployError(
                    f"stack {stack}: its lock is held by an engine that is running ({lock}); wait "
                    f"for it, or end it first: kill -INT {lock.pid}"
                )
        for lock in held:
            lock.remove()
        return [str(lock) for lock in held]

    def tidy(self, project: str, stack: str) -> None:
        """Remove all but the last 50 updates from a stack's history: each holds the whole state."""
        history = self._history(project, stack)
        _remove_drafts((*history.glob("*.tmp"), *self._drafts(project, stack)))
        updates = sorted(path.name.split(".")[0] for path in history.glob("*.history.json"))
        for update in updates[:-_KEPT_UPDATES]:
            for path in history.glob(f"{update}.*"):
                files.remove(path)

    def _paths(self, project: str, stack: str) -> Paths:
        state, history = self.file(project, stack), self._history(project, stack)
        return Paths(self._folder / "meta.yaml", state, history)

    def _history(self, project: str, stack: str) -> Path:
        return self._folder / "history" / project / stack

    def _drafts(self, project: str, stack: str) -> Iterator[Path]:
        return self.file(project, stack).parent.glob(f"{glob.escape(stack)}.json.*.tmp")

    def _locks(self, project: str, stack: str) -> Path:
        return self._folder / "locks" / "organization" / project / stack


def _empty(project: str, stack: str) -> str:
    """Return the state of a new stack, as Pulumi writes it."""
    checkpoint = {"stack": f"organization/{project}/{stack}", "latest": None}
    return json.dumps({"version": 3, "checkpoint": checkpoint})


def _remove_drafts(drafts: Iterable[Path]) -> None:
    """Remove drafts that a killed engine left behind; a younger one may be under way."""
    for draft in drafts:
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
                files.remove(draft)


def _latest(path: Path) -> Mapping[str, Any]:
    """Return the state in a file."""
    return mapping(json.loads(path.read_text("utf-8"))["checkpoint"]["latest"] or {})


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a value, if it is a mapping."""
    if not isinstance(value, dict):
        raise TypeError("no mapping")
    return value
