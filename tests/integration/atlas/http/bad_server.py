"""A server for unit tests that does to each request what it is asked to: answers, drops, stalls, drips."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Deed = Callable[[socket.socket], None]


@dataclass
class Seen:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class BadServer:
    """What it has seen, and what it does next; without more deeds it answers 200 and an object."""

    url: str = ""
    deeds: list[Deed] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    done: int = 0

    def await_done(self, count: int) -> None:
        """Wait until so many requests are over, for what is done to one may end after its answer."""
        end = time.monotonic() + 60
        while self.done < count:
            assert time.monotonic() < end
            time.sleep(0.01)

    @property
    def lines(self) -> list[str]:
        return [one.line.removesuffix(" HTTP/1.1") for one in self.seen]


def answer(
    status: int = 200, content: bytes = b"{}", *, close: bool = False, **headers: str
) -> Deed:
    """Answer, and close the connection without saying so, if that is asked for."""

    def deed(sock: socket.socket) -> None:
        more = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        head = f"HTTP/1.1 {status} It\r\nContent-Length: {len(content)}\r\n{more}\r\n"
        sock.sendall(head.encode() + content)
        if close:
            sock.shutdown(socket.SHUT_RDWR)

    return deed


def raw(content: bytes) -> Deed:
    """Answer bytes as they are, and close the connection."""

    def deed(sock: socket.socket) -> None:
        sock.sendall(content)
        sock.shutdown(socket.SHUT_RDWR)

    return deed


def drop(sock: socket.socket) -> None:
    """Close the connection in place of an answer."""
    sock.shutdown(socket.SHUT_RDWR)


def reset(sock: socket.socket) -> None:
    """Reset the connection in place of an answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    os.close(sock.detach())


def stall(seconds: float) -> Deed:
    """Say nothing for a while."""

    def deed(sock: socket.socket) -> None:
        time.sleep(seconds)
        sock.shutdown(socket.SHUT_RDWR)

    return deed


def drip(content: bytes, pause: float) -> Deed:
    """Answer one byte at a time."""

    def deed(sock: socket.socket) -> None:
        for byte in content:
            sock.sendall(bytes([byte]))
            time.sleep(pause)

    return deed


@contextmanager
def serving(*deeds: Deed) -> Iterator[BadServer]:
    """Serve on a free port of loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = BadServer(f"http://127.0.0.1:{listener.getsockname()[1]}", [*deeds])
    threading.Thread(target=_accept, args=(listener, server), daemon=True).start()
    try:
        yield server
    finally:
        listener.close()


def _accept(listener: socket.socket, server: BadServer) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        threading.Thread(target=_serve, args=(sock, server), daemon=True).start()


def _serve(sock: socket.socket, server: BadServer) -> None:
    number = server.connections
    file = sock.makefile("rb")
    try:
        while line := file.readline().decode().strip():
            headers = {}
            while header := file.readline().decode().strip():
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            body = file.read(int(headers.get("content-length", 0)))
            server.seen.append(Seen(line, headers, body, number))
            deed = server.deeds.pop(0) if server.deeds else answer()
            deed(sock)
            server.done += 1
    except OSError:
        pass
    finally:
        file.close()
        sock.close()
