"""An MLflow for unit tests: the few calls about registered models."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from atlas.tracking.owned import OWNER


def serve(
    models: dict[str, str], strangers: Collection[str] = ()
) -> tuple[ThreadingHTTPServer, str]:
    """Serve registered models on a free loopback port.

    Args:
        models: name → description.
        strangers: names of those among them that Atlas didn't make.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**16  # an answer in one packet: else each waits 40 ms for an acknowledgement

        def _do(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = {k: v[0] for k, v in parse_qs(parts.query).items()} | json.loads(body or b"{}")
            call = parts.path.rpartition("/")[2]
            status, answer = (200, {}) if call == "health" else self._answer(call, given)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _answer(self, call: str, given: dict[str, str]) -> tuple[int, dict]:
            if call == "search":
                start = given.get("filter", "'%'").split("'")[1].rstrip("%")
                found = [
                    {
                        "name": n,
                        "description": d,
                        "aliases": [{"alias": "champion", "version": "7"}],
                        "tags": [] if n in strangers else [{"key": OWNER, "value": "it"}],
                    }
                    for n, d in models.items()
                    if n.startswith(start)
                ]
                at = int(given.get("page_token", 0))
                more = {"next_page_token": str(at + 2)} if at + 2 < len(found) else {}
                return 200, {"registered_models": found[at : at + 2], **more}
            name = given["name"]
            if call == "create" and name in models:
                return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "there"}
            if call != "create" and name not in models:
                return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not there"}
            if call in ("create", "update"):
                models[name] = given.get("description", "")
            return 200, {"registered_model": {"name": name, "description": models[name]}}

        do_GET = do_POST = do_PATCH = _do

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"
