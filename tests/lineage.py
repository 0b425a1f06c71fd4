"""An endpoint for OpenLineage events: a real HTTP server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Taker:
    """An endpoint: what it was sent, and how it answers."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.authorizations: list[str] = []
        self.paths: set[str] = set()
        self.status = 201
        self.refused = ""
        self.seconds = 0.0
        self.garbled = False
        self.url = ""

    def states(self, job: str = "") -> list[str]:
        return [event["eventType"] for event in self.events if event["job"]["name"].endswith(job)]


@contextmanager
def serving(taker: Taker, port: int = 0) -> Iterator[Taker]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(taker.seconds)
            if taker.garbled:
                self.wfile.write(b"\x00\xff garbage\r\n\r\n")
                return
            status = 400 if taker.refused and taker.refused in body.decode() else taker.status
            if status < 300:
                taker.events.append(json.loads(body))
            taker.authorizations.append(self.headers.get("Authorization", ""))
            taker.paths.add(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    taker.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield taker
    finally:
        server.shutdown()
        server.server_close()
