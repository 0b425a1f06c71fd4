"""A proxy before a real server that does to requests and answers what networks do, by a seed.

Of each method and path, the same numbers of requests meet the same faults, whoever sends them. Or
one fault is met by the first request to every endpoint, and by no other.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

LOST = ("cut", "lose", "fail", "break")
"""Faults that a server has which fails now and then: before it did something, or after."""
ALL = (*LOST, "double", "html", "list", "null", "other", "empty", "half", "late")
_CONTENT = {
    "html": b"<html><head><title>Sign in</title></head></html>", "list": b'[{"a": 1}]',
    "null": b"null", "other": b'{"runs": 3, "run": [], "token": {}, "dag_runs": {}}', "empty": b"{}",
}  # fmt: skip
_OWN = ("connection", "transfer-encoding", "content-length", "date", "server", "keep-alive")


@dataclass
class Flaky:
    """The proxy.

    Attributes:
        target: URL of the real server.
        rate: which part of the requests meets a fault.
        faults: which ones.
        seed: chooses.
        late: seconds that a late request is held.
        each: fault that the first request to each endpoint meets; empty for faults by rate.
        url: where it is.
        met: how often each fault was met.
        seen: how many requests each method and path has had; with `each`, each endpoint.
    """

    target: str
    rate: float = 0.2
    faults: Sequence[str] = LOST
    seed: int = 0
    late: float = 1.0
    each: str = ""
    url: str = ""
    met: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, method: str, path: str) -> str:
        """Return the fault that a request meets; empty for none."""
        if self.each:
            return self._first_of_endpoint(f"{method} {_endpoint(path)}")
        with self.lock:
            key = f"{method} {path.partition('?')[0]}"
            self.seen[key] += 1
            text = f"{self.seed} {key} {self.seen[key]}".encode()
            raw = int.from_bytes(hashlib.sha256(text).digest()[:8])
            if raw / 2**64 >= self.rate:
                return ""
            found = self.faults[raw % len(self.faults)]
            self.met[found] += 1
            return found

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Let no further request meet a fault, for as long as the context lasts."""
        rate, self.rate = self.rate, 0.0
        try:
            yield
        finally:
            self.rate = rate

    def _first_of_endpoint(self, key: str) -> str:
        with self.lock:
            self.seen[key] += 1
            found = self.each if self.seen[key] == 1 else ""
            self.met[found] += bool(found)
            return found


def _endpoint(path: str) -> str:
    """Return a path without its query, and with a star for what has a digit: an id, a number."""
    parts = path.partition("?")[0].removeprefix("/apis/v2beta1/").split("/")
    return "/".join(re.sub(r"^[^:]*\d[^:]*", "*", part) for part in parts)


class Handler(BaseHTTPRequestHandler):
    proxy: ClassVar[Flaky]
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault(self.command, self.path)
        if fault == "cut":
            self._hang_up()
        elif fault == "fail":
            self._answer(503 if len(body) % 2 else 500, b"<h1>Busy</h1>", [])
        else:
            self._do_late(fault, body)

    def _do_late(self, fault: str, body: bytes) -> None:
        """Forward a request, and do something to its answer."""
        if fault == "late":
            time.sleep(self.proxy.late)
        status, content, headers = self._forward(body)
        if fault == "double":
            status, content, headers = self._forward(body)
        if fault in ("lose", "late"):
            self._hang_up()
            return
        half = content[: len(content) // 2]
        changed = {"break": (502, b"<h1>Bad gateway</h1>"), "half": (status, half)}
        changed |= {name: (200, text) for name, text in _CONTENT.items()}
        self._answer(*changed.get(fault, (status, content)), [] if fault in changed else headers)

    def _forward(self, body: bytes) -> tuple[int, bytes, list[tuple[str, str]]]:
        connection = http.client.HTTPConnection(urlsplit(self.proxy.target).netloc, timeout=120)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "host")}
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheaders()
        finally:
            connection.close()

    def _answer(self, status: int, content: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _OWN:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(2)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _do

    def log_message(self, *_: object) -> None: ...

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()


@contextmanager
def flaky(target: str, **options: object) -> Iterator[Flaky]:
    """Serve a proxy on a free port of loopback."""
    proxy = Flaky(target, **options)  # type: ignore[arg-type]

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    server.request_queue_size = 128
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
