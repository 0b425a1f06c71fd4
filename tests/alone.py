"""Unit tests work in their own process: they start no other process, and no server.

Python reports processes to its audit hooks, whichever library starts them; what it doesn't report is reported
here. While a unit test runs, with its fixtures, each is refused. The test fails even if the code under test
catches the refusal.
"""

from __future__ import annotations

import multiprocessing.util
import socket
import sys
from typing import Any

_PROCESSES = {"subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec"}
_SERVERS = {"socket.listen"}
_active: list[list[str]] = []
"""What was refused: one list for each block that is open, the innermost last."""


class NotAloneError(RuntimeError):
    """A unit test started a process or a server."""


def begin() -> None:
    """Refuse processes and servers from now on."""
    _active.append([])


def end() -> list[str]:
    """Allow again what was allowed before `begin`, and return what was refused since then."""
    return _active.pop()


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if _active and event in _PROCESSES | _SERVERS:
        # The program's words, or the server's address, come second.
        refused = f"{event}: {arguments[1] if len(arguments) > 1 else ''}"[:200]
        _active[-1].append(refused)
        raise NotAloneError(f"{refused}; tests that need it belong in tests/integration")


def _spawn(path: Any, words: Any, passed: Any) -> int:
    """Report a process that multiprocessing starts, which Python itself does not."""
    sys.audit("subprocess.Popen", path, words, None, None)
    return _unreported(path, words, passed)


def _listen(server: socket.socket, *backlog: int) -> None:
    """Report a server; sockets are bound by clients too."""
    sys.audit("socket.listen", server, server.getsockname())
    socket.SocketType.listen(server, *backlog)


_unreported = multiprocessing.util.spawnv_passfds
multiprocessing.util.spawnv_passfds = _spawn
socket.socket.listen = _listen
sys.addaudithook(_refuse)
