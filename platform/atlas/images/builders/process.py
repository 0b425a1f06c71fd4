"""Running a builder: its output goes to a log, its last lines into the error."""

from __future__ import annotations

import subprocess
from collections import deque
from typing import TYPE_CHECKING

from atlas.containers.failure import command_failure
from atlas.errors import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_KEPT = 30


def logged(
    command: Sequence[str], log: Path, environment: Mapping[str, str], folder: Path | None = None
) -> None:
    """Run a program, with its output appended to a log that holds no password.

    Args:
        command: the program and its arguments.
        log: the file to append to.
        environment: its whole environment.
        folder: its working directory.

    Raises:
        CommandError: it can't be started, or failed; it has the last lines of its output.
    """
    last: deque[str] = deque(maxlen=_KEPT)
    with log.open("a", encoding="utf-8") as file:

        def note(line: str) -> None:
            last.append(redacted(line))
            file.write(last[-1])

        file.write(redacted(f"$ {' '.join(command)}\n"))
        code = _followed(command, environment, folder, note)
    if code:
        action = next((word for word in command[1:] if not word.startswith("-")), "")
        name = f"{command[0].rpartition('/')[2]} {action}".rstrip()
        raise command_failure(name, "".join(last) or f"it ended with {code}")


def _followed(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None,
    say: Callable[[str], None],
) -> int:
    """Hand on a program's output line by line; return its exit code."""
    try:
        process = subprocess.Popen(  # noqa: S603 - a list, no shell
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise command_failure(command[0], str(error)) from None
    with process:
        try:
            for line in process.stdout or ():
                say(line)
        except BaseException:
            process.terminate()
            raise
    return process.returncode
