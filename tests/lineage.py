"""An endpoint for OpenLineage events, a real HTTP server, and the schemas that events must fit."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

SPEC = Path(__file__).parent / "openlineage"
DOCUMENTS = {
    document["$id"]: document
    for document in (json.loads(path.read_text()) for path in SPEC.glob("*.json"))
}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(document)) for name, document in DOCUMENTS.items()
)


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


def errors_of(event: dict[str, Any]) -> list[str]:
    """Return what OpenLineage's own schemas find wrong in an event, each of its facets by its own."""
    checker = FormatChecker()
    schema = {"$ref": event["schemaURL"]}
    found = [
        error.message
        for error in Draft202012Validator(
            schema, registry=REGISTRY, format_checker=checker
        ).iter_errors(event)
    ]
    for name, facet in facets_of(event):
        document, _, pointer = facet["_schemaURL"].partition("#")
        if document not in DOCUMENTS:
            found.append(f"{name}: {document} is no schema that there is")
            continue
        whole = Draft202012Validator(
            {"$ref": f"{document}#{pointer}"}, registry=REGISTRY, format_checker=checker
        )
        found += [f"{name}: {error.message}" for error in whole.iter_errors(facet)]
    return found


def facets_of(event: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    datasets = [*event.get("inputs", []), *event.get("outputs", [])]
    places = [event["run"], event["job"], *datasets]
    named = [place.get(key, {}) for place in places for key in ("facets", "outputFacets")]
    return [(name, facet) for facets in named for name, facet in facets.items()]
