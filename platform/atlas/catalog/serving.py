"""Serving the catalogue on loopback, to whoever has the password: others share the machine."""

from __future__ import annotations

import re
from contextlib import contextmanager
from hmac import compare_digest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from threading import Thread
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.http.credentials import basic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST, USER = "127.0.0.1", "atlas"
_PAGE = re.compile(r"/(?:(?P<front>index\.html)?|pipelines/(?P<name>[A-Za-z0-9._-]+)\.html)")
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Served:
    """A catalogue that is being served.

    Attributes:
        url: of its front page.
        username: the user that it asks for.
        password: made for this serving.
    """

    url: str
    username: str
    password: str


@contextmanager
def served(folder: Path, port: int = 0) -> Iterator[Served]:
    """Serve a site on loopback for as long as it lasts.

    Args:
        folder: what `atlas.catalog.write_site` has written.
        port: the port; 0 for any that is free.

    Raises:
        AtlasError: the port is taken.
    """
    password = token_urlsafe(24)
    try:
        server = _CatalogServer(folder, port, basic(USER, password))
    except OSError as error:
        reason = f"can't be listened on: {error.strerror} (give another --port)"
        raise AtlasError(f"port {port}: {reason}") from error
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield Served(f"http://{HOST}:{server.server_port}/", USER, password)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _CatalogServer(ThreadingHTTPServer):
    """The server of one site."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int, authorization: str) -> None:
        self.folder, self.authorization = folder, authorization
        super().__init__((HOST, port), _CatalogHandler)
        self.hosts = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}


class _CatalogHandler(BaseHTTPRequestHandler):
    """Answers requests of pages; there is nothing else, and nothing that can be changed."""

    server: _CatalogServer
    server_version, sys_version = "atlas", ""
    timeout = 30

    def do_GET(self) -> None:
        """Answer with a page."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with what a page's headers are."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        status, body = self._found()
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="Atlas catalog", charset="UTF-8"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _found(self) -> tuple[HTTPStatus, bytes]:
        """Return the answer: other names than loopback's are pages of others that lead here."""
        if self.headers.get("Host", "") not in self.server.hosts:
            return HTTPStatus.MISDIRECTED_REQUEST, b"not this host\n"
        given = self.headers.get("Authorization", "")
        if not compare_digest(given.encode(), self.server.authorization.encode()):
            return HTTPStatus.UNAUTHORIZED, b"who is there?\n"
        matched = _PAGE.fullmatch(self.path.partition("?")[0])
        name = matched["name"] if matched else None
        try:
            if matched is None:
                raise FileNotFoundError
            file = f"pipelines/{name}.html" if name else "index.html"
            return HTTPStatus.OK, (self.server.folder / file).read_bytes()
        except OSError:
            return HTTPStatus.NOT_FOUND, b"there is no such page\n"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: who looks at what is nobody's business."""
