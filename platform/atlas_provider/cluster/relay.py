"""Ports between this machine and a cell: ``python -m atlas_provider.cluster.relay FILE``.

The file is JSON: ``cell``, the file of its holder; ``inward``, port of this machine → port in the
cell; ``outward``, ports of this machine that the cell has too; ``guarded``, the ports of this
machine at which HTTP is spoken, each with the values of ``Authorization`` of which one has to come
with a connection's first request: what is behind asks nobody, and this machine has other users;
``pages``, what is answered at them in place of what is behind, by path; ``folders``, of a page that
is built: its files are answered.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from atlas_provider.cluster.cell import holder_of
from atlas_provider.cluster.network import in_network

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.processes import ProcessIdentity

_LOOPBACK = "127.0.0.1"
_CHUNK, _HEAD = 1 << 16, 1 << 15
_SECONDS = 30.0
_BEHIND = ("/apis/", "/ml_metadata")
"""What is never a file of the page's."""
_REFUSED = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="kubeflow"\r\n'
    b"Content-Type: text/plain\r\nContent-Length: 14\r\nConnection: close\r\n\r\nnot signed in\n"
)


@dataclass(frozen=True)
class Relay:
    """What is handed on from one listening socket.

    Attributes:
        listener: where connections come from.
        port: where they go to, on loopback.
        allowed: values of ``Authorization`` of which one is needed; none for no question.
        pages: what is answered here, by path, in place of what is behind.
        folder: of a page that is built: its files are answered, whatever isn't the API's.
    """

    listener: socket.socket
    port: int
    allowed: tuple[str, ...] = ()
    pages: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

    async def serve(self) -> None:
        """Hand connections on for ever."""
        server = await asyncio.start_server(self._connected, sock=self.listener, limit=_HEAD)
        async with server:
            await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            await self._hand_on(reader, writer)
        writer.close()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b""
        if self.allowed:
            head = await _head(reader)
            answer = self._own(_path(head))
            if not signed_in(head, self.allowed):
                writer.write(_REFUSED)
                return await writer.drain()
            if answer:
                writer.write(answer)
                return await writer.drain()
        onward = await asyncio.open_connection(_LOOPBACK, self.port)
        onward[1].write(head)
        try:
            await asyncio.gather(_copy(reader, onward[1]), _copy(onward[0], writer))
        finally:
            onward[1].close()
        return None

    def _own(self, path: str) -> bytes:
        """Return what is answered here at a path; empty for what is behind."""
        if path in self.pages:
            return _answer(self.pages[path].encode(), "text/html; charset=utf-8")
        if self.folder is None or not path or path.startswith(_BEHIND):
            return b""
        return file_in(self.folder, path)


def file_in(folder: Path, path: str) -> bytes:
    """Return the answer with a file of a folder; a path of none is the page's own business."""
    place = (folder / unquote(urlsplit(path).path).lstrip("/")).resolve()
    if not place.is_relative_to(folder.resolve()) or not place.is_file():
        place = folder / "index.html"
    try:
        kind = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
        return _answer(place.read_bytes(), kind)
    except OSError:
        return b""


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Return the head of a request, and nothing after it."""
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _SECONDS)
    except asyncio.LimitOverrunError as error:
        raise OSError("a request's head is too long") from error


def _path(head: bytes) -> str:
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    return words[1] if words[0] == "GET" and len(words) > 1 else ""


def signed_in(head: bytes, allowed: Sequence[str]) -> bool:
    """Tell whether the head of a request has one of the allowed values of ``Authorization``."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    fields = [line.partition(":") for line in lines]
    given = [value.strip() for name, _, value in fields if name.lower() == "authorization"]
    return len(given) == 1 and given[0] in allowed


def _answer(body: bytes, kind: str) -> bytes:
    lines = (
        "HTTP/1.1 200 OK",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until one of both ends; then say so to the other one."""
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _listening(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((_LOOPBACK, port))
    found.listen(128)
    found.setblocking(False)
    return found


async def _all(relays: Sequence[Relay]) -> None:
    await asyncio.gather(*(relay.serve() for relay in relays))


def run(settings: Mapping[str, Any]) -> None:
    """Hand ports on until the cell ends."""
    holder = holder_of(Path(settings["cell"]))
    guarded: Mapping[str, Sequence[str]] = settings.get("guarded", {})
    pages: Mapping[str, Mapping[str, str]] = settings.get("pages", {})
    folders: Mapping[str, str] = settings.get("folders", {})
    inward = [
        Relay(
            _listening(int(port)), to, tuple(guarded.get(port, ())), pages.get(port, {}),
            Path(folders[port]) if port in folders else None,
        )
        for port, to in settings["inward"].items()
    ]  # fmt: skip
    with in_network(holder.pid):
        outward = [Relay(_listening(port), port) for port in settings["outward"]]
    # Where a connection goes to is where its thread is: one is in the cell, one isn't.
    threading.Thread(target=_inside, args=(holder, inward), daemon=True).start()
    threading.Thread(target=asyncio.run, args=(_all(outward),), daemon=True).start()
    _await_end(holder)


def _inside(holder: ProcessIdentity, relays: Sequence[Relay]) -> None:
    with in_network(holder.pid):
        asyncio.run(_all(relays))


def _await_end(holder: ProcessIdentity) -> None:
    """Wait for the end of a process: nothing is behind these ports then."""
    over = threading.Event()
    while holder.is_alive:
        over.wait(1.0)


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text("utf-8")))
