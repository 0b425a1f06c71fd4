"""Become a program: read its private file, take its environment and folder, and execute it.

Run by path, by supervisor, as ``python -I launch.py PROGRAM.json``: no quoting rules in between, no
variable in supervisor's own configuration. It imports nothing of Atlas, so that it takes 20 ms.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1
UMASK = "ATLAS_UMASK"
"""Variable with the umask (octal) of who started the engine, for what isn't Atlas's own."""
PASSED = (
    *("HOME", "USER", "LOGNAME", "PATH", "SHELL", "TZ", "LANG", "LC_ALL", "LC_CTYPE"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "LD_LIBRARY_PATH"),
)


def passed_environment() -> dict[str, str]:
    """Return the variables that programs inherit: no secret of who ran `atlas up` is among them."""
    return {name: os.environ[name] for name in PASSED if name in os.environ}


def command(specification: Path) -> list[str]:
    """Return the command that becomes a program."""
    return [sys.executable, "-I", __file__, str(specification)]


def _end_with_parent() -> None:
    """Ask Linux to stop this process when supervisor dies, so that nothing runs unsupervised."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def main() -> None:
    """Become the program of the file that is named by the only argument."""
    program = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    _end_with_parent()
    os.chdir(program["directory"])
    os.umask(0o077)
    environment = {**passed_environment(), **program["environment"]}
    os.execvpe(program["command"][0], program["command"], environment)  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
