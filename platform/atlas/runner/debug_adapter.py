"""What editors attach to: debugpy's adapter, for the user of the run alone.

``python -m atlas.runner.debug_adapter PORT`` reads from standard input the token by which it knows
the run's process, writes its two ports, and stays behind until that process has ended. debugpy's
own way takes whoever reaches the port, which is every user of the machine, and shows its token in
the list of processes. A page in a browser isn't an editor either: what doesn't begin as one is
ended.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[socket.socket], Any]

HOST = "127.0.0.1"
CONNECTIONS = Path("/proc/net/tcp")
"""Where Linux says whose a connection is."""
_LOCAL, _REMOTE, _UID = 1, 2, 7
_BEGIN = b"Content-Length"
"""What an editor's first message begins with."""
_PATIENCE = 10.0


def main() -> None:
    """Listen, say where, and leave the rest to debugpy."""
    token = sys.stdin.readline().strip()
    if os.fork():
        os._exit(0)  # It is nobody's child then: a run ends those of its steps.

    from debugpy import adapter
    from debugpy.adapter import clients, servers, sessions
    from debugpy.common import sockets

    adapter.access_token = token
    usual = sockets.serve
    sockets.serve = lambda name, handler, *where: usual(name, guarded(name, handler), *where)
    ports = {"client": clients.serve(HOST, int(sys.argv[1]))[1], "server": servers.serve(HOST)[1]}
    sys.stdout.write(json.dumps(ports))
    sys.stdout.flush()
    _leave_streams()
    servers.wait_until_disconnected()
    sessions.wait_until_ended()


def _leave_streams() -> None:
    """Close the standard streams, so that whoever started this reads their end."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


def guarded(name: str, handler: Handler) -> Handler:
    """Return what hands connections of this user to a handler, and ends all others.

    Args:
        name: of the listener: ``Client`` is for editors, which speak first.
        handler: what takes a connection.
    """

    def take(connection: socket.socket) -> None:
        threading.Thread(target=check, args=(connection,), daemon=True).start()

    def check(connection: socket.socket) -> None:
        if owner(connection) == os.getuid() and (name != "Client" or _is_editor(connection)):
            handler(connection)
            return
        with suppress(OSError):
            connection.close()

    return take


def owner(connection: socket.socket) -> int | None:
    """Return the user id of the other end of a connection within this machine; None if unknown."""
    ends = _written(connection.getpeername()), _written(connection.getsockname())
    for line in CONNECTIONS.read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if (fields[_LOCAL], fields[_REMOTE]) == ends:
            return int(fields[_UID])
    return None


def _written(address: tuple[str, int]) -> str:
    """Return an address as Linux lists it: the bytes of the number in this machine's order."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"


def _is_editor(connection: socket.socket) -> bool:
    """Tell whether the first bytes, which stay to be read, are an editor's."""
    connection.settimeout(_PATIENCE)
    try:
        first = connection.recv(len(_BEGIN), socket.MSG_PEEK | socket.MSG_WAITALL)
    except OSError:
        return False
    connection.settimeout(None)
    return first == _BEGIN


if __name__ == "__main__":
    main()
