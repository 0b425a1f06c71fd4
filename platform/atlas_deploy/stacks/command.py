"""Run the engine so that an interruption ends it well, and so that it never outlives us for long.

Pulumi's own runner leaves the engine running when Python is interrupted. Here the engine has a
session of its own: Ctrl-C reaches only us, and we pass it on once, wait while the engine lets its
operations end and saves its state, and kill it at the second one. If we are killed, Linux
interrupts the engine in our place (`setpriv --pdeathsig`).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from atlas_deploy.stacks.backend import inherited
from atlas_provider.launch import UMASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PRIVATE = 0o077
"""Umask of the engine: its state, plugins and home are nobody else's to read."""
_KILLED = "the engine was killed by signal {}; run the same command again, it takes up from there"


class EngineCommand(PulumiCommand):  # type: ignore[misc, unused-ignore]
    """The engine's executable."""

    def __init__(self, path: Path, version: str, say: Callable[[str], None]) -> None:
        """Take the engine as it was found, and what takes a line for a person."""
        self.path = path
        self.command = str(path)
        self.version = VersionInfo.parse(version)
        self._say = say

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> CommandResult:
        """Run the engine to its end.

        Raises:
            CommandError: if it fails.
            KeyboardInterrupt: after an interruption, when the engine has ended.
        """
        process = subprocess.Popen(  # noqa: S603 - the engine that was found
            [*_bound_to_us(), self.command, "--non-interactive", *args],
            cwd=cwd,
            env={**inherited(os.environ), **additional_env, **_own()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            umask=_PRIVATE,
        )
        _running.add(process)
        output = _Reader(process.stdout, on_output)
        errors = _Reader(process.stderr, on_error)
        try:
            self._await_end(process)
        except KeyboardInterrupt:
            output.finish()
            errors.finish()
            raise
        finally:
            _running.discard(process)
        killed = f"\n{_KILLED.format(-process.returncode)}" if process.returncode < 0 else ""
        result = CommandResult(output.text(), errors.text() + killed, process.returncode)
        if result.code != 0:
            raise create_command_error(result)
        return result

    def _await_end(self, process: subprocess.Popen[str]) -> None:
        """Wait for the engine's end; pass an interruption on to it."""
        try:
            process.wait()
        except KeyboardInterrupt:
            self._say("interrupted: waiting for the update to end (Ctrl-C again kills it)")
            process.send_signal(signal.SIGINT)
            _await_or_kill(process)
            raise


_running: set[subprocess.Popen[str]] = set()


def signal_all(number: int) -> None:
    """Send a signal to every engine that runs: those in other threads than the main one, too."""
    for process in list(_running):
        process.send_signal(number)


def _own() -> dict[str, str]:
    """Return further variables for the engine and its providers, such as the user's own umask."""
    return {"PULUMI_AUTOMATION_API": "true", UMASK: f"{_umask():o}"}


@cache
def _umask() -> int:
    """Return the umask of this process; asking for it is setting it, so it is asked for once."""
    umask = os.umask(_PRIVATE)
    os.umask(umask)
    return umask


def _await_or_kill(process: subprocess.Popen[str]) -> None:
    """Wait for an interrupted engine's end; kill it at a second interruption."""
    try:
        process.wait()
    except KeyboardInterrupt:
        process.kill()
        process.wait()


def _bound_to_us() -> list[str]:
    """Return the words before a command that have it interrupted when this process dies."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "INT"] if setpriv else []


_LAST_WORDS = 5.0
"""Seconds that an interrupted engine's last lines may take."""


class _Reader:
    """Reads a stream of the engine's to its end, in a thread."""

    def __init__(self, stream: Any, callback: Callable[[str], Any] | None) -> None:
        """Start reading."""
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(stream, callback), daemon=True)
        self._thread.start()

    def _read(self, stream: Any, callback: Callable[[str], Any] | None) -> None:
        """Keep every line, and pass it on."""
        with stream:
            for line in stream:
                self._lines.append(line.rstrip())
                if callback:
                    callback(line.rstrip())

    def finish(self) -> None:
        """Pass on what is left of an engine that has ended, unless a child of its goes on."""
        self._thread.join(_LAST_WORDS)

    def text(self) -> str:
        """Return all that was read; waits for the stream's end."""
        self._thread.join()
        return "\n".join(self._lines)
