"""Programs of others: run quietly, and explained in one line when they fail."""

from __future__ import annotations

import errno
import os
import subprocess
import tarfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: What getting a tool may end in; anything else is a bug.
REFUSALS = (OSError, subprocess.SubprocessError, tarfile.TarError, EOFError, zlib.error)

_KNOWN = {
    "no space left on device": "the disk is full",
    "temporary failure in name resolution": "no network (a name can't be resolved)",
    "name or service not known": "no network (a name can't be resolved)",
    "could not resolve": "no network (a name can't be resolved)",
    "no such host": "no network (a name can't be resolved)",
    "failed to lookup address": "no network (a name can't be resolved)",
    "dns error": "no network (a name can't be resolved)",
    "network is unreachable": "no network",
    "connection refused": "the connection was refused",
    "permission denied": "permission denied",
    "no matching distribution found": "no package index in reach has it",
}


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float | None = None,
) -> str:
    """Run a program and return what it printed, stdout and stderr together.

    Args:
        command: the program and its arguments.
        environment: variables to set on top of this process's own.
        folder: the working directory; this process's own by default.
        timeout: seconds after which it is killed; None waits for ever.

    Raises:
        subprocess.SubprocessError: it failed, or took too long.
        OSError: it couldn't be started.
    """
    done = subprocess.run(  # noqa: S603  # a list, no shell; the callers' commands are fixed
        [str(part) for part in command],
        env=clean_environment() | dict(environment or {}),
        cwd=folder,
        timeout=timeout,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would keep bytecode from being written."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def explain(error: BaseException) -> str:
    """Return in one line why a program, a download or a file operation failed."""
    if isinstance(error, subprocess.TimeoutExpired):
        return f"{_program(error.cmd)} didn't end within {error.timeout:g} s"
    if isinstance(error, subprocess.CalledProcessError):
        return f"{_program(error.cmd)}: {_reason(error.output or '')}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full"
    return _known(str(error)) or str(error) or type(error).__name__


def _program(command: Sequence[str]) -> str:
    """Return a command's first words, enough to recognise it."""
    return " ".join([os.path.basename(command[0]), *command[1:3]])


def _reason(output: str) -> str:
    """Return the known cause that an output tells of, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return _known(output) or (lines[-1] if lines else "it failed and said nothing")


def _known(text: str) -> str:
    """Return the cause that a text tells of, or ""."""
    causes = (cause for sign, cause in _KNOWN.items() if sign in text.lower())
    return next(causes, "")
