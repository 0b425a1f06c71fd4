"""The container engine of this machine: Docker or Podman, the first that answers."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import field, replace
from typing import TYPE_CHECKING

from atlas import files
from atlas.advice import command
from atlas.containers import settings
from atlas.containers.failure import command_failure
from atlas.dataclass import dataclass
from atlas.errors import CommandError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ENGINES = ("docker", "podman")
"""In the order in which they are asked."""
CHOICE = "ATLAS_CONTAINER_ENGINE"
"""Variable that names the one to use."""

_ASK = {
    "docker": ("version", "--format", "{{.Server.Version}}"),
    "podman": ("info", "--format", "{{.Version.Version}}"),
}
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class ContainerEngine:
    """A container engine that answers.

    Attributes:
        name: ``docker`` or ``podman``.
        program: path of its client.
        version: the engine's version.
        environment: variables that its client needs on this machine.
        folder: where its client is started: podman leaves a file ``oom`` there for a container
            that was out of memory.
    """

    name: str
    program: str
    version: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of one of its commands."""
        return [self.program, *arguments]

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment to start its client in."""
        return {**os.environ, **self.environment, **(more or {})}

    def call(self, *arguments: str, timeout: float | None = None) -> str:
        """Run one of its commands and return what it printed on stdout.

        Raises:
            CommandError: it failed, or took longer than `timeout` seconds.
        """
        name = f"{self.name} {arguments[0]}"
        return called(self.command(*arguments), name, self.variables(), timeout)


def called(
    command: Sequence[str], name: str, environment: Mapping[str, str], timeout: float | None
) -> str:
    """Run a program and return its stdout.

    Raises:
        CommandError: it can't be started, failed, or took too long.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise command_failure(name, f"no answer within {timeout:g} s") from None
    except OSError as error:
        raise command_failure(name, str(error)) from None
    if done.returncode:
        raise command_failure(name, done.stderr or done.stdout)
    return done.stdout


def find_engine(state: Path, choice: str = "") -> ContainerEngine | None:
    """Return the first engine that answers; a client without an engine doesn't.

    Args:
        state: the state folder, for podman's settings.
        choice: the one to ask; by default `ATLAS_CONTAINER_ENGINE`, else all of them.
    """
    desired = choice or os.environ.get(CHOICE, "")
    names = [desired] if desired in ENGINES else ENGINES
    return next((engine for name in names if (engine := _asked(name, state))), None)


def need_engine(state: Path) -> ContainerEngine:
    """Return the first engine that answers.

    Raises:
        PlatformError: I202, none does.
    """
    engine = find_engine(state)
    if engine is None:
        clients = [name for name in ENGINES if shutil.which(name)]
        have = f"{' and '.join(clients)} found, but no engine answers" if clients else "none found"
        hint = f"install podman, or start docker; {command('doctor')} shows what is there"
        raise PlatformError(f"no container engine: {have}; {hint}", code="I202")
    return engine


def _asked(name: str, state: Path) -> ContainerEngine | None:
    """Return an engine if it is there and answers."""
    program = shutil.which(name)
    if program is None:
        return None
    folder = files.own(state) / "containers"
    environment = settings.environment(state) if name == "podman" else {}
    files.make_folder(folder)
    engine = ContainerEngine(name, program, environment=environment, folder=folder)
    try:
        version = engine.call(*_ASK[name], timeout=_PATIENCE).strip()
    except CommandError:
        return None
    return replace(engine, version=version) if version else None
