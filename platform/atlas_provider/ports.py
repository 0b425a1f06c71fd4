"""Loopback ports: choosing free ones, and finding the process that listens on another."""

from __future__ import annotations

import random
import socket
import threading
from typing import Any

import psutil

from atlas.errors import PlatformError
from atlas_provider import process_trees

# Below Linux's range for outgoing connections (from 32768), so that none takes a chosen port.
_LOWEST, _HIGHEST = 15000, 32000
_TRIES = 500
_chosen: set[int] = set()
_lock = threading.Lock()


def choose_port() -> int:
    """Return a port on 127.0.0.1 that is free, and that this process hasn't given out before.

    Raises:
        PlatformError: if no port was free in 500 tries.
    """
    with _lock:
        for _ in range(_TRIES):
            port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311 - no secret
            if port not in _chosen and is_free(port):
                _chosen.add(port)
                return port
    message = f"ports {_LOWEST}-{_HIGHEST}: none free in {_TRIES} tries; stop some services"
    raise PlatformError(message)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port of 127.0.0.1 now."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_listening(port: int, seconds: float = 2.0) -> bool:
    """Tell whether something accepts connections on a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), seconds).close()
    except OSError:
        return False
    return True


def holder(port: int) -> int | None:
    """Return the pid of the process that listens on a port; None if it isn't shown."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return None
    return next((connection.pid for connection in connections if _listens(connection, port)), None)


def _listens(connection: Any, port: int) -> bool:
    """Tell whether a connection is a listening socket on a port."""
    is_open = connection.status == psutil.CONN_LISTEN
    return is_open and bool(connection.laddr) and connection.laddr.port == port


def describe_holder(port: int) -> str:
    """Return which process listens on a port, as far as the system shows it, for an error."""
    pid = holder(port)
    if pid is None:
        return "another process"
    return f"process {pid} ({process_trees.command(pid)})"
