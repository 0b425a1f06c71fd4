"""One request over a connection, which is kept and used again."""

from __future__ import annotations

import atexit
import io
import os
import select
import time
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from atlas.errors import PlatformError, UnreachableError, clean
from atlas.http.answers import Answer
from atlas.http.proxies import Proxy, proxy_for

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

LARGEST = 64 << 20
"""Bytes that an answer may have."""
_CONNECT_SECONDS = 10.0
_FRESH_SECONDS = 1.0
"""For how long a kept connection serves a request that must not be sent twice: servers close idle
ones after some seconds, and who writes at that moment can't know what became of the request."""
_SAFE = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")
_Key = tuple[int, str, str, str]


class _Request(NamedTuple):
    """A request as it is written to a connection."""

    method: str
    target: str
    body: bytes | None
    headers: Mapping[str, str]


class _Idle(NamedTuple):
    """A connection that waits for its next request, and since when."""

    connection: HTTPConnection
    since: float


_idle: dict[_Key, list[_Idle]] = {}


def exchange(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float
) -> Answer:
    """Send one request once and return what is answered; a redirect isn't followed.

    Args:
        method: such as ``GET``.
        url: ``http://…`` or ``https://…``, without a user.
        body: content, or none.
        headers: all of them; none is added but those of the transport.
        seconds: for the request and the whole answer.

    Raises:
        UnreachableError: there was no answer; it says whether the request may have arrived.
        PlatformError: the request can't be written, or the answer is too large.
    """
    parts = _split(url)
    proxy = proxy_for(parts.scheme, parts.hostname or "", parts.port)
    end = time.monotonic() + seconds
    key = (os.getpid(), parts.scheme, parts.netloc, proxy.url if proxy else "")
    connection = _kept(key, method) or _connected(parts, proxy, seconds)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    if proxy and parts.scheme == "http":
        target, headers = f"http://{parts.netloc}{target}", {**headers, **proxy.headers}
    try:
        answer = _exchanged(connection, _Request(method, target, body, headers), end)
    except BaseException as error:
        connection.close()
        if isinstance(error, (OSError, HTTPException, ValueError)):
            late = isinstance(error, TimeoutError)
            reason = _reason(error, seconds)
            raise UnreachableError(reason, sent=True, timed_out=late) from error
        raise
    if connection.sock is not None:
        _idle.setdefault(key, []).append(_Idle(connection, time.monotonic()))
    return answer._replace(url=url)


def close_idle(netloc: str = "") -> None:
    """Close the connections that wait for a next request: to one server, or all."""
    for key in [key for key in list(_idle) if netloc in ("", key[2])]:
        for idle in _idle.pop(key, ()):
            idle.connection.close()


atexit.register(close_idle)


def _split(url: str) -> SplitResult:
    """Return a URL's parts.

    Raises:
        PlatformError: it isn't a URL of a server.
    """
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or any(char <= " " or char == "\x7f" for char in url):
        shown = clean(url.rpartition("@")[2])
        raise PlatformError(f"{shown}: expected a URL such as http://host:port")
    return parts


def _kept(key: _Key, method: str) -> HTTPConnection | None:
    """Return a connection that is still open, if one is kept."""
    longest = float("inf") if method in _SAFE else _FRESH_SECONDS
    waiting = _idle.get(key, [])
    while waiting:
        try:
            connection, since = waiting.pop()
        except IndexError:  # Another thread has taken it.
            break
        if time.monotonic() - since < longest and not _has_ended(connection):
            return connection
        connection.close()
    return None


def _has_ended(connection: HTTPConnection) -> bool:
    """Tell whether the server has closed a connection, or says something that nobody asked."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _connected(parts: SplitResult, proxy: Proxy | None, seconds: float) -> HTTPConnection:
    """Return a new connection.

    Raises:
        UnreachableError: nothing listens there, or it isn't who it should be.
    """
    host, port = parts.hostname or "", parts.port
    is_secure = parts.scheme == "https"
    kind: type[HTTPConnection] = HTTPSConnection if is_secure else HTTPConnection
    if proxy:
        connection = kind(proxy.host, proxy.port)
        if is_secure:
            connection.set_tunnel(host, port or 443, dict(proxy.headers))
    else:
        connection = kind(host, port)
    limit = min(_CONNECT_SECONDS, seconds)
    connection.timeout = limit
    try:
        connection.connect()
    except (OSError, HTTPException, ValueError) as error:
        connection.close()
        way = f" (by the proxy {proxy.host}:{proxy.port})" if proxy else ""
        raise UnreachableError(f"{_reason(error, limit)}{way}", sent=False) from error
    return connection


def _exchanged(connection: HTTPConnection, request: _Request, end: float) -> Answer:
    """Send a request over a connection, which is closed unless it can take another."""
    connection.response_class = partial(_timed, end=end)  # type: ignore[assignment]
    connection.sock.settimeout(max(0.001, end - time.monotonic()))
    try:
        connection.request(request.method, request.target, request.body, dict(request.headers))
    except ValueError:  # Its text may be a secret.
        raise PlatformError(
            "request can't be written: a path or a header, such as a token, has line ends or other "
            "characters that HTTP doesn't take"
        ) from None
    response = connection.getresponse()
    content = response.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise PlatformError(f"{request.target}: answers with more than {LARGEST >> 20} MiB")
    if response.length:
        raise HTTPException("its answer broke off")
    if response.will_close or not response.isclosed():
        connection.close()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, content, headers)


def _timed(sock: socket.socket, *args: Any, end: float, **options: Any) -> HTTPResponse:
    return HTTPResponse(_Timed(sock, end), *args, **options)  # type: ignore[arg-type]


class _Timed:
    """A socket that is read until a moment, however slowly bytes drip in."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._sock, self._end = sock, end

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a file to read from."""
        return io.BufferedReader(_Raw(self._sock, self._end))


class _Raw(io.RawIOBase):
    """What is read of such a socket."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._sock, self._end = sock, end
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._file.readinto(buffer)

    def close(self) -> None:
        """Close this end; the socket stays."""
        self._file.close()
        super().close()


def _reason(error: Exception, seconds: float) -> str:
    """Return why there was no answer."""
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} s"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"no answer: {clean(str(text), 200)}"
