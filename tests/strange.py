"""A service whose JSON is of another shape: an answer as a whole, or one value of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HALF = b'{"half": [1, 2'
"""Content that is broken off: more is announced than is sent."""
STRANGE = {
    "a list": b"[]", "null": b"null", "nothing in it": b"{}", "a text": b'"x"', "a number": b"3",
    "a page": b"<!doctype html><title>Sign in</title>", "no content": b"", "broken off": HALF,
}  # fmt: skip
"""Answers of status 200 that are another service's, or a proxy's."""
VALUES: tuple[Any, ...] = ([], None, {}, "x", 3, [3], [None], True, -1)
"""What a value in an answer is replaced by."""


class Script:
    """Says what is right, but for one endpoint.

    Attributes:
        answers: what is right, by a part of the path; the first that fits.
        wrong: the endpoint that says something else, and what.
        missing: paths that end so aren't there: status 404.
        asked: the endpoints that were asked.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.wrong: tuple[str, bytes] = ("", b"")
        self.missing: tuple[str, ...] = ()
        self.asked: set[str] = set()

    def begin(self) -> None:
        """Be right, and forget what was asked."""
        self.wrong, self.asked = ("", b""), set()

    def say(self, path: str) -> bytes:
        where = next(part for part in self.answers if part in path)
        self.asked.add(where)
        right = json.dumps(self.answers[where]).encode()
        return self.wrong[1] if where == self.wrong[0] else right

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve on a free port of loopback; give the URL."""
        handler = type("Handler", (_Handler,), {"script": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    script: Script
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16

    def _do(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = self.script.say(self.path)
        is_missing = self.path.endswith(self.script.missing or "\0")
        self.send_response(404 if is_missing else 200)
        self.send_header("Content-Length", str(len(content) + (content is HALF)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = content is HALF

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do

    def log_message(self, *_: object) -> None: ...


def mutations(answer: Any, value: Any) -> Iterator[Any]:
    """Return an answer with each of its values replaced, and with each of them left out."""
    for path in paths(answer):
        for leave_out in (False, True):
            changed = deepcopy(answer)
            inner = changed
            for key in path[:-1]:
                inner = inner[key]
            if leave_out:
                del inner[path[-1]]
            else:
                inner[path[-1]] = value
            yield changed


def paths(answer: Any) -> Iterator[tuple[Any, ...]]:
    items = answer.items() if isinstance(answer, dict) else enumerate(answer)
    for key, inner in items:
        yield (key,)
        if isinstance(inner, dict | list):
            yield from ((key, *rest) for rest in paths(inner))
