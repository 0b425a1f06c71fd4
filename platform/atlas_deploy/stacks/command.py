"""Run the engine so that an interruption ends it well, and so that it never outlives us for long.

Pulumi's own runner leaves the engine running when Python is interrupted. Here the engine has a
session of its own: Ctrl-C reaches only us, and we pass it on once, wait while the engine lets its
operations end and saves its state, and kill it at the second one. If we are killed, Linux
interrupts the engine in our place (`setpriv --pdeathsig`). What it prints goes to files: a pipe
breaks with us, and the engine's next line would then kill it (SIGPIPE), in the middle of a write.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from typing import IO, TYPE_CHECKING, Any

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
        with tempfile.TemporaryFile(dir=cwd) as output, tempfile.TemporaryFile(dir=cwd) as errors:
            try:
                code = self._ended(args, cwd, additional_env, output, errors)
            finally:
                texts = _read(output, on_output), _read(errors, on_error)
        killed = f"\n{_KILLED.format(-code)}" if code < 0 else ""
        result = CommandResult(texts[0], texts[1] + killed, code)
        if result.code != 0:
            raise create_command_error(result)
        return result

    def _ended(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        output: IO[bytes],
        errors: IO[bytes],
    ) -> int:
        """Run the engine to its end; return its exit code."""
        process = subprocess.Popen(  # noqa: S603 - the engine that was found
            [*_bound_to_us(), self.command, "--non-interactive", *args],
            cwd=cwd,
            env={**inherited(os.environ), **additional_env, **_own()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
            umask=_PRIVATE,
        )
        _running.add(process)
        try:
            self._await_end(process)
        finally:
            _running.discard(process)
        return process.returncode

    def _await_end(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the engine's end; pass an interruption on to it."""
        try:
            process.wait()
        except KeyboardInterrupt:
            self._say("interrupted: waiting for the update to end (Ctrl-C again kills it)")
            process.send_signal(signal.SIGINT)
            _await_or_kill(process)
            raise


_running: set[subprocess.Popen[bytes]] = set()


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


def _await_or_kill(process: subprocess.Popen[bytes]) -> None:
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


def _read(file: IO[bytes], callback: Callable[[str], Any] | None) -> str:
    """Return what the engine wrote to a file, and pass every line of it on.

    It is read without moving the place where a child that outlives the engine writes on.
    """
    content = os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)
    lines = [line.rstrip() for line in content.decode("utf-8", "replace").split("\n")]
    lines = lines if lines[-1] else lines[:-1]
    if callback:
        for line in lines:
            callback(line)
    return "\n".join(lines)
