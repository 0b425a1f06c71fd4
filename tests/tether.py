"""Servers of tests end with the process that started them, however that ends.

A fixture stops its server; but a worker of pytest-xdist is killed when the run is interrupted, and
runs no fixture to its end. Where the system can't tie one process to another, as on macOS, the
server is stopped by its fixture alone.
"""

from __future__ import annotations

import os
import shutil

_LATE = '[ "$PPID" = "$0" ] || exit; exec "$@"'
"""Ends at once where the process that it is to be tied to has ended before it was."""


def tied(command: list[str], by: str = "TERM") -> list[str]:
    """Return a command that the system ends when the process that starts it has ended.

    Args:
        command: the program and its arguments.
        by: the signal that it gets then; ``KILL`` for one whose orderly end waits for others.
    """
    program = shutil.which("setpriv")
    if not program:
        return command
    return [program, "--pdeathsig", by, "sh", "-c", _LATE, str(os.getpid()), *command]
