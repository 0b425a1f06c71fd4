"""Loopback ports: choosing free ones, and finding the process that listens on another."""

from __future__ import annotations

import random
import socket
import threading
from pathlib import Path

from atlas.errors import PlatformError
from atlas_provider import procfs

# Below Linux's range for outgoing connections (from 32768), so that none takes a chosen port.
_LOWEST, _HIGHEST = 15000, 32000
_TRIES = 500
_LISTENING = "0A"
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
    """Return the pid of the process that listens on a port; None when /proc doesn't show it."""
    inodes = _listening_inodes(port)
    return (
        next((pid for pid in procfs.pids() if inodes & _socket_inodes(pid)), None)
        if inodes
        else None
    )


def describe_holder(port: int) -> str:
    """Return which process listens on a port, as far as /proc shows it, for an error."""
    pid = holder(port)
    if pid is None:
        return "another process"
    return f"process {pid} ({procfs.command(pid)})"


def _listening_inodes(port: int) -> set[str]:
    """Return the socket inodes that listen on a port, from the kernel's tables."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in _lines(table)[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(fields[9])
    return inodes


def _socket_inodes(pid: int) -> set[str]:
    """Return the inodes of a process's sockets; none when it has ended or isn't ours."""
    inodes = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = _target(link)
            if target.startswith("socket:["):
                inodes.add(target[len("socket:[") : -1])
    except OSError:
        return inodes
    return inodes


def _target(link: Path) -> str:
    """Return what a link points to; nothing when it has been removed."""
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _lines(path: str) -> list[str]:
    """Return a file's lines; none where it doesn't exist."""
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
