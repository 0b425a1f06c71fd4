"""A Prometheus for tests of rules: it takes them from a folder when it is asked to, all or none."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

AUTHORIZATION = f"Basic {base64.b64encode(b'atlas:hunter2').decode()}"


@dataclass
class FakePrometheus:
    """What it has loaded.

    Attributes:
        folder: where its rules are.
        is_deaf: whether it loads nothing, though it is asked to.
        is_ready: whether it serves.
        alerts: the active alerts by the rule's name.
        reloads: how often it was asked to load its rules.
    """

    folder: Path
    is_deaf: bool = False
    is_ready: bool = True
    alerts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    reloads: int = 0

    def reload(self) -> None:
        """Load the rules; as the real one, nothing of them where one file is broken."""
        self.reloads += 1
        if self.is_deaf:
            return
        files = sorted(self.folder.glob("*.yml"))
        try:
            loaded = {file: yaml.safe_load(file.read_text()) for file in files}
        except yaml.YAMLError:
            return
        self.groups = [
            {"file": str(file), "name": group["name"], "rules": [*map(self._rule, group["rules"])]}
            for file, content in loaded.items()
            for group in content["groups"]
        ]

    def _rule(self, rule: dict[str, Any]) -> dict[str, Any]:
        name = rule.get("alert") or rule["record"]
        alerts = self.alerts.get(name, []) if "alert" in rule else None
        return {"name": name, "labels": rule.get("labels", {}), "alerts": alerts}


def serve(fake: FakePrometheus) -> tuple[ThreadingHTTPServer, str]:
    """Serve it on a free loopback port, to whoever knows its password."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**16  # an answer in one packet

        def _do(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = self._answer()
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _answer(self) -> tuple[int, Any]:
            if self.headers.get("Authorization") != AUTHORIZATION:
                return 401, {}
            if self.path == "/-/reload" and self.command == "POST":
                fake.reload()
                return 200, {}
            if self.path == "/-/ready":
                return (200 if fake.is_ready else 503), {}
            if self.path == "/api/v1/rules":
                return 200, {"status": "success", "data": {"groups": fake.groups}}
            return 404, {}

        do_GET = do_POST = _do

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"
