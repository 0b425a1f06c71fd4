"""An Airflow for unit tests: the REST API's few calls, over a DAG folder that it reads at each one.

It parses a file at every call whose content changed; a file with `raise` has an import error, one
with `# slow` is never read. What it is asked is kept in `calls`. It notices a file that is gone only
after `unnoticed` calls; a DAG that is deleted before that crashes the real one's dag-processor.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

TAG = re.compile(r'"(plan|monitor):([0-9a-f]+)"')


@dataclass
class FakeAirflow:
    folder: Path
    password: str = "hunter2"
    dags: dict[str, dict] = field(default_factory=dict)
    errors: dict[str, dict] = field(default_factory=dict)
    seen: dict[str, bytes] = field(default_factory=dict)
    active: dict[str, list[str]] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    unnoticed: int = 0
    crashed: bool = False
    tokens: int = 0
    parses: int = 0
    page: int = 2

    def parse(self) -> None:
        """Read the files that changed, as the dag-processor does."""
        files = {path.stem: path.read_bytes() for path in self.folder.glob("*.py")}
        gone = {*self.dags} - {*files}
        self.unnoticed -= bool(gone and self.unnoticed)
        for name in gone if not self.unnoticed else ():
            self.dags[name]["is_stale"] = True
            self.seen.pop(name, None)
        for name, content in files.items():
            if self.seen.get(name) == content and name in {
                *self.dags,
                *(e[:-3] for e in self.errors),
            }:
                continue
            if b"# slow" in content:
                continue
            self.seen[name] = content
            self._parse(name, content.decode())

    def _parse(self, name: str, text: str) -> None:
        self.parses += 1
        moment = f"2026-01-01T00:00:{self.parses:02d}Z"
        if "raise" in text:
            self.errors[f"{name}.py"] = {
                "import_error_id": self.parses, "timestamp": moment, "filename": f"{name}.py",
                "bundle_name": "dags", "stack_trace": "Traceback\nValueError: broken here",
            }  # fmt: skip
            if name in self.dags:
                self.dags[name]["has_import_errors"] = True
            return
        self.errors.pop(f"{name}.py", None)
        match = TAG.search(text)
        self.dags[name] = {
            "dag_id": name, "tags": [{"name": f"{match[1]}:{match[2]}"}] if match else [],
            "is_paused": name in self.paused, "has_import_errors": False,
            "last_parsed_time": moment, "is_stale": False,
        }  # fmt: skip

    def answer(self, method: str, url: str, body: bytes, token: str) -> tuple[int, object]:
        parts = urlsplit(url)
        path, query = unquote(parts.path), parse_qs(parts.query)
        self.calls.append(f"{method} {path}")
        if path == "/auth/token":
            if json.loads(body)["password"] != self.password:
                return 401, {"detail": "Invalid credentials"}
            self.tokens += 1
            return 201, {"access_token": f"token-{self.tokens}"}
        if token != f"Bearer token-{self.tokens}":
            return 401, {"detail": "Not authenticated"}
        if self.failures and path in self.failures:
            self.failures.remove(path)
            return 500, {"reason": "Database error"}
        if path.endswith("/list"):
            return 200, self._list(path, json.loads(body))
        self.parse()
        return self._api(method, path.removeprefix("/api/v2/"), query)

    def _api(self, method: str, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        if path == "dags":
            prefix = query.get("dag_id_prefix_pattern", [""])[0]
            is_fresh = query["exclude_stale"] == ["true"]
            found = [
                d
                for n, d in sorted(self.dags.items())
                if n.startswith(prefix) and not (d["is_stale"] and is_fresh)
            ]
            return 200, self._page("dags", found, query)
        if path == "importErrors":
            return 200, self._page("import_errors", [*self.errors.values()], query)
        name, _, rest = path.removeprefix("dags/").partition("/")
        if name not in self.dags:
            return 404, {"detail": "not found"}
        return self._one(method, name, rest)

    def _one(self, method: str, name: str, rest: str) -> tuple[int, object]:
        if rest == "dagRuns":
            runs = [{"dag_run_id": run, "state": "running"} for run in self.active.get(name, [])]
            return 200, {"dag_runs": runs, "total_entries": len(runs)}
        if method == "DELETE":
            if not self.dags[name]["is_stale"]:
                self.crashed = True
            if self.active.get(name):
                return 409, {"detail": "still running"}
            del self.dags[name]
            self.errors.pop(f"{name}.py", None)
            return 204, None
        return 200, self.dags[name]

    def _list(self, path: str, asked: dict) -> dict:
        if "taskInstances" in path:
            return {"task_instances": [], "total_entries": 0}
        runs = [
            {"dag_id": name, "dag_run_id": run, "state": "running"}
            for name in asked["dag_ids"]
            for run in self.active.get(name, ())
        ]
        return {"dag_runs": runs[asked["page_offset"] :][:100], "total_entries": len(runs)}

    def _page(self, key: str, items: list, query: dict[str, list[str]]) -> dict:
        start = int(query.get("offset", ["0"])[0])
        return {key: items[start : start + self.page], "total_entries": len(items)}


def serve(airflow: FakeAirflow) -> tuple[ThreadingHTTPServer, str]:
    """Serve on a free loopback port; return the server and its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**16  # an answer in one packet: else each waits 40 ms for an acknowledgement

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization", "")
            status, answer = airflow.answer(self.command, self.path, body, token)
            if self.path == "/api/v2/monitor/health":  # The real one tells everybody.
                status, answer = 200, {"scheduler": {"status": "healthy"}}
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PATCH = _do

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"
