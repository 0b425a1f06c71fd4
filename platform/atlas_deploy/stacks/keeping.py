"""The stacks that a backend keeps: the one place that reads them, whatever the backend.

A folder of this machine is read by itself, which takes no time; anything else the engine reads.
"""

from __future__ import annotations

import json
import shutil
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from atlas import files
from atlas.errors import DeployError
from atlas_deploy.stacks.explain import damaged, refused
from atlas_deploy.stacks.locks import await_unlocked, locks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from atlas_deploy.stacks.backend import Backend
    from atlas_deploy.stacks.locks import Lock

_KEPT_UPDATES = 50


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
    return Remote(backend) if backend.place is None else Files(backend.place / ".pulumi")


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
        """Make an empty stack as Pulumi writes one, where it has kept stacks before.

        Having the engine do it takes as long as an update.
        """
        if self.exists(project, stack):
            return True
        if not (self._folder / "meta.yaml").exists():
            return False
        checkpoint = {"stack": f"organization/{project}/{stack}", "latest": None}
        text = json.dumps({"version": 3, "checkpoint": checkpoint})
        files.write(self.file(project, stack), text)
        return True

    def forget(self, project: str, stack: str) -> bool:
        """Remove an empty stack and its history, as Pulumi does; one that isn't empty is left."""
        if any(self.checkpoint(project, stack).get("resources") or ()):
            return False
        shutil.rmtree(self._folder / "history" / project / stack, ignore_errors=True)
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
            return _mapping(json.loads(path.read_text("utf-8"))["checkpoint"]["latest"] or {})
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise DeployError(f"{path} can't be read: {(error.strerror or '').lower()}") from None
        except (ValueError, LookupError, TypeError) as error:
            raise DeployError(damaged(str(path), str(error))) from None

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
        history = self._folder / "history" / project / stack
        updates = sorted(path.name.split(".")[0] for path in history.glob("*.history.json"))
        for update in updates[:-_KEPT_UPDATES]:
            for path in history.glob(f"{update}.*"):
                files.remove(path)

    def _locks(self, project: str, stack: str) -> Path:
        return self._folder / "locks" / "organization" / project / stack


class Remote:
    """Stacks in a bucket, or of a service: the engine reads them."""

    def __init__(self, backend: Backend) -> None:
        """Take the backend."""
        self._backend = backend
        self._found: dict[str, list[str]] = {}

    def names(self, project: str) -> list[str]:
        """Return the names of a project's stacks, sorted."""
        listed = json.loads(self._engine(project, "stack", "ls", "--json"))
        return sorted(str(entry["name"]).rpartition("/")[2] for entry in listed)

    def exists(self, project: str, stack: str) -> bool:
        """Tell whether there is a stack of that name."""
        return stack in self.names(project)

    def make(self, project: str, stack: str) -> bool:
        """Leave it to the engine."""
        return False

    def forget(self, project: str, stack: str) -> bool:
        """Leave it to the engine."""
        return False

    def checkpoint(self, project: str, stack: str) -> Mapping[str, Any]:
        """Return a stack's last state; empty for none.

        Raises:
            DeployError: it can't be read.
        """
        try:
            text = self._engine(project, "stack", "export", "--stack", stack)
            return _mapping(json.loads(text).get("deployment") or {})
        except _NoStackError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise DeployError(damaged(self.where(project, stack), str(error))) from None

    def where(self, project: str, stack: str) -> str:
        """Return where a stack's state is."""
        return f"{self._backend.url.partition('?')[0]} (stack {project}/{stack})"

    def await_unlocked(
        self, project: str, stack: str, seconds: float, say: Callable[[str], None]
    ) -> Sequence[Lock]:
        """Leave the locks to the engine."""
        return ()

    def unlock(self, project: str, stack: str) -> list[str]:
        """Break the locks of a stack; the backend doesn't say whose they were.

        Raises:
            DeployError: they can't be broken.
        """
        try:
            self._engine(project, "cancel", "--yes", "--stack", stack)
        except _NoStackError:
            return []
        return ["an unknown process"]

    def tidy(self, project: str, stack: str) -> None:
        """Leave the history to the backend."""

    @cached_property
    def _command(self) -> Any:
        from atlas_deploy.stacks.handles import command

        return command(lambda _line: None)

    def _engine(self, project: str, *words: str) -> str:
        """Run the engine, and return what it prints.

        Raises:
            DeployError: it fails.
        """
        from pulumi.automation import CommandError

        from atlas_deploy.stacks.stack import write_project

        self._backend.prepare()
        write_project(self._backend, project)
        command = self._command
        folder = str(self._backend.workspace(project))
        try:
            variables = self._backend.variables(command.path)
            return str(command.run([*words], folder, variables).stdout)
        except CommandError as error:
            output = str(error)
            if "no stack named" in output or "[404]" in output:
                raise _NoStackError(output) from None
            raise DeployError(refused(self._backend.url, output)) from None


class _NoStackError(Exception):
    """There is no stack of that name."""


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return a value, if it is a mapping."""
    if not isinstance(value, dict):
        raise TypeError("no mapping")
    return value
