"""The stacks of a bucket or a service, which the engine reads."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas_deploy.stacks.explain import damaged, refused
from atlas_deploy.stacks.keeping import mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas_deploy.stacks.backend import Backend
    from atlas_deploy.stacks.locks import Lock


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
            return mapping(json.loads(text).get("deployment") or {})
        except _NoStackError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise DeployError(damaged(self.where(project, stack), str(error))) from None

    def repair(self, project: str, stack: str) -> None:
        """Leave it to the backend: a bucket and a service write a state whole."""

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
