"""Calls to the supervisord of one platform folder, over its socket."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from xmlrpc.client import ServerProxy

from atlas import files
from atlas.processes import find
from atlas_provider import process_trees
from atlas_provider.unixrpc import CALL_SECONDS, UNREACHABLE, UnixTransport, short_path

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.processes import ProcessIdentity

SOCKET, PID = "supervisord.sock", "supervisord.pid"
_STOP_SECONDS = 30.0
_ASK_SECONDS, _BUSY_SECONDS = 2.0, 60.0
"""How long supervisord may take to answer; and how long, while its process lives."""


class SupervisorRpc:
    """Calls the methods of a supervisord; it needs not be running."""

    def __init__(self, folder: Path) -> None:
        """Take the platform's folder."""
        self.folder = folder

    def call(self, method: str, *arguments: Any, seconds: float = CALL_SECONDS) -> Any:
        """Call a method; it may fail in any of the `UNREACHABLE` ways."""
        with short_path(self.folder) as here:
            transport = UnixTransport(f"{here}/{SOCKET}", seconds)
            with ServerProxy("http://localhost", transport=transport) as server:
                return getattr(server.supervisor, method)(*arguments)

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method that answers at once; it may fail in any of the `UNREACHABLE` ways.

        A connection may stay unanswered: a process that was just being started keeps the socket of
        a supervisord that was killed. So the answer is waited for only while supervisord lives.
        """
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return self.call(method, *arguments, seconds=_ASK_SECONDS)
            except TimeoutError:
                if self._recorded() is None or time.monotonic() > end:
                    raise

    def answers(self) -> bool:
        """Tell whether supervisord answers."""
        return self.process() is not None

    def process(self) -> ProcessIdentity | None:
        """Return supervisord's process; None where it doesn't answer."""
        try:
            return find(int(self.ask("getPID")))
        except UNREACHABLE:
            return None

    def info(self, program: str) -> dict[str, Any]:
        """Return what supervisord knows of a program; nothing when either isn't there."""
        try:
            return dict(self.ask("getProcessInfo", program))
        except UNREACHABLE:
            return {}

    def clear(self) -> None:
        """End a supervisord that is there and doesn't answer, and remove its socket."""
        process = self._recorded()
        if process is not None:
            process_trees.end({process}, _STOP_SECONDS)
        files.remove(self.folder / SOCKET)

    def _recorded(self) -> ProcessIdentity | None:
        """Return the supervisord that wrote its pid to the folder, if it is alive."""
        try:
            pid = int((self.folder / PID).read_text())
        except (OSError, ValueError):
            return None
        return find(pid) if "supervisord" in process_trees.command(pid) else None
