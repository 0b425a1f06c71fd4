"""XML-RPC over a unix socket, however long the path to it is."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xmlrpc.client import Fault, ProtocolError, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL_SECONDS = 120.0
UNREACHABLE = (Fault, OSError, HTTPException, ProtocolError)
"""How a call fails: the server refuses, isn't there, or ends meanwhile."""


class UnixConnection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        """Take the socket's path, and how long an answer may take."""
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.close()
            raise


class UnixTransport(Transport):
    """XML-RPC over a unix socket."""

    def __init__(self, path: str, seconds: float = CALL_SECONDS) -> None:
        """Take the socket's path, and how long an answer may take."""
        super().__init__()
        self._path = path
        self._seconds = seconds

    def make_connection(self, host: Any) -> HTTPConnection:
        """Connect to the socket; the host's name doesn't matter."""
        connection = UnixConnection(self._path, self._seconds)
        self._connection = host, connection
        return connection


@contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """Give a folder a path that is short enough for a socket below it."""
    if not Path("/proc/self/fd").exists():
        yield str(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
