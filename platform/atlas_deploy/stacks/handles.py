"""Make the Automation API's handle of a stack, without the engine calls that Atlas needs not."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pulumi import automation
from pulumi.automation._stack import StackInitMode

from atlas.errors import PlatformError
from atlas_deploy.stacks import engine
from atlas_deploy.stacks.command import EngineCommand

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas_deploy.stacks.backend import Backend


class _Handle(automation.Stack):  # type: ignore[misc, unused-ignore]
    """A stack that is neither selected nor asked for outputs and history after each update.

    Each of these is another start of the engine; outputs come with the events.
    """

    def __init__(self, name: str, workspace: automation.LocalWorkspace) -> None:
        """Take the parts, and run nothing."""
        self.name = name
        self.workspace = workspace
        self._mode = StackInitMode.SELECT

    def outputs(self) -> Any:
        """Return nothing; the listener has them."""
        return {}

    def info(self, show_secrets: bool = True) -> Any:
        """Return something, for Pulumi insists."""
        return ()


def make(
    name: str,
    project: str,
    backend: Backend,
    program: Callable[[], None],
    say: Callable[[str], None],
    *,
    provider: int = 0,
) -> automation.Stack:
    """Return the handle of a stack; it runs nothing.

    Args:
        name: the stack's name.
        project: the Pulumi project it belongs to.
        backend: where it is kept.
        program: makes its resources.
        say: takes a line of progress.
        provider: port of a provider that the engine attaches to; 0 to have it start one.

    Raises:
        PlatformError: if there is no engine.
    """
    engine_command = command(say)
    attached = {"PULUMI_DEBUG_PROVIDERS": f"atlas:{provider}"} if provider else {}
    workspace = automation.LocalWorkspace(
        work_dir=str(backend.workspace(project)),
        program=program,
        env_vars={**backend.variables(engine_command.path), **attached},
        pulumi_command=engine_command,
    )
    return _Handle(name, workspace)


@lru_cache(maxsize=4)
def _found(path: str) -> engine.Engine | None:
    """Return the engine; asking it for its version takes as long as half an update."""
    return engine.find()


def command(say: Callable[[str], None]) -> EngineCommand:
    """Return the engine.

    Raises:
        PlatformError: if there is none.
    """
    installed = _found(os.environ.get("PATH", ""))
    if installed is None:
        raise PlatformError(
            f"pulumi: no engine {engine.needed()} on PATH or in the cache; run `make setup` or "
            "`atlas doctor --install` to get it"
        )
    return EngineCommand(installed.path, installed.version, say)
