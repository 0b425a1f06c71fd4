"""A proxy before Kubeflow's API server, which kills that in the middle of a call."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BEFORE, HALF, AFTER = "before", "half", "after"
"""When: before the server has the request, while it arrives, or once it has been done."""
_HOPS = ("host", "content-length", "connection")


@dataclass
class Breaking:
    """What is killed when.

    Attributes:
        port: the server's.
        when: at which moment of a call that changes something.
        kill: kills the server.
        seen: the calls that were broken off: each kind of call once.
        dead: is set while the server is to be started again.
    """

    port: int
    when: str
    kill: Callable[[], None]
    seen: list[str] = field(default_factory=list)
    dead: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Hand a request on, or break it off."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if self.dead.is_set():
            return
        broken = self._is_to_be_broken(handler)
        if broken and self.when == BEFORE:
            self._break()
            return
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as onward:
            self._hand_on(handler, onward, body, broken=broken)

    def _hand_on(
        self,
        handler: BaseHTTPRequestHandler,
        onward: http.client.HTTPConnection,
        body: bytes,
        *,
        broken: bool,
    ) -> None:
        """Send a request to the server, as far as it gets, and its answer back."""
        onward.putrequest(handler.command, handler.path)
        for name, value in handler.headers.items():
            if name.lower() not in _HOPS:
                onward.putheader(name, value)
        onward.putheader("Content-Length", str(len(body)))
        onward.endheaders()
        if broken and self.when == HALF:
            onward.send(body[: len(body) // 2])
            return self._break()
        onward.send(body)
        answer = onward.getresponse()
        content = answer.read()
        if broken:
            return self._break()
        handler.send_response(answer.status)
        handler.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
        return None

    def _is_to_be_broken(self, handler: BaseHTTPRequestHandler) -> bool:
        """Tell whether a call changes something, and none of its kind was broken off yet."""
        parts = handler.path.partition("?")[0].removeprefix("/apis/v2beta1/").split("/")
        verb = parts[-1].partition(":")[2]
        names = [part for part in parts if part.replace("_", "").isalpha()]
        kind = " ".join((handler.command, *names, verb)).strip()
        with self._lock:
            if handler.command == "GET" or kind in self.seen:
                return False
            self.seen.append(kind)
            return True

    def _break(self) -> None:
        self.kill()
        self.dead.set()


def serve(breaking: Breaking) -> tuple[ThreadingHTTPServer, str]:
    """Serve the proxy on a free port; return its server and its address."""

    class Handler(BaseHTTPRequestHandler):
        wbufsize = 2**16

        def _do(self) -> None:
            with suppress(OSError, http.client.HTTPException):  # It sees the end of it.
                breaking.answer(self)
            self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"
