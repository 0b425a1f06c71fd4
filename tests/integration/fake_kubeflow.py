"""A Kubeflow Pipelines for unit tests: pipelines, versions, experiments, runs, recurring runs.

It answers as an API server 2.17.0 was seen to answer: `recorded/kubeflow.json` holds the exchanges,
and `test_kubeflow_exchanges.py` holds this one to them.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

Answer = tuple[int, dict[str, Any]]
_OPERATIONS = {"EQUALS": lambda a, b: a == b, "IS_SUBSTRING": lambda a, b: b in a}
_LISTS = {
    "pipelines": "pipelines", "versions": "pipeline_versions", "experiments": "experiments",
    "runs": "runs", "recurringruns": "recurringRuns",
}  # fmt: skip
_IDS = {
    "pipelines": "pipeline_id", "versions": "pipeline_version_id", "experiments": "experiment_id",
    "runs": "run_id", "recurringruns": "recurring_run_id",
}  # fmt: skip


@dataclass
class FakeKubeflow:
    """What the server has: items by kind, in the order in which they came.

    Attributes:
        items: kind → id → item.
        token: the bearer token that it takes; empty for any.
        trouble: answers that come first, whatever is asked.
        hidden: versions that an upload left half-made: their names are taken, nothing lists them.
        page: most items that one page has.
        multi_user: whether everything is in a namespace, which every list has to name.
        release: before 2.14 an answer has no name beside the one that is shown.
    """

    items: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {kind: {} for kind in _LISTS}
    )
    token: str = ""
    trouble: list[Answer] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    page: int = 2
    multi_user: bool = False
    release: str = "2.17.0"
    calls: list[tuple[str, str]] = field(default_factory=list)
    count: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        """Answer one request at a time: names are unique in the real one's database."""
        with self.lock:
            return self._answered(method, path, query, body)

    def _answered(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        self.calls.append((method, path))
        if self.trouble:
            return self.trouble.pop(0)
        parts = path.removeprefix("/apis/v2beta1/").split("/")
        if parts == ["healthz"]:
            return 200, {
                "commit_sha": "unknown",
                "tag_name": self.release,
                "multi_user": self.multi_user,
            }
        status, found = self._answer(method, parts, query, body)
        return status, self._as_of_release(found)

    def _as_of_release(self, found: dict[str, Any]) -> dict[str, Any]:
        if self.release >= "2.14":
            return found
        lists = {k: [self._as_of_release(o) for o in v] for k, v in found.items()
                 if k in _LISTS.values()}  # fmt: skip
        return {k: v for k, v in {**found, **lists}.items() if k != "name"}

    def _answer(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Answer:
        of = {}
        if parts == ["pipelines", "upload_version"]:
            return self._upload(query, body)
        if len(parts) > 2:
            of = {"pipeline_id": parts[1]}
            parts = parts[2:]
        kind, identity = parts[0], unquote(parts[1]) if len(parts) > 1 else ""
        if kind not in _LISTS:
            return 404, {"code": 5, "message": "Not Found", "details": []}
        if not identity:
            return self._list(kind, of, query) if method == "GET" else self._create(kind, body)
        return self._one(method, kind, *identity.partition(":")[::2], body)

    def _upload(self, query: dict[str, str], content: bytes) -> Answer:
        if query["pipelineid"] not in self.items["pipelines"]:
            return 400, {"error_message": "Failed to create a pipeline version"}
        names = {v["name"] for v in self._of(query["pipelineid"])} | self.hidden
        if query["name"] in names:
            return 409, {"error_message": "Failed to create a pipeline version"}
        documents = [*yaml.safe_load_all(content)]
        spec = documents[0]
        if len(documents) > 1:
            spec = {"pipeline_spec": documents[0], "platform_spec": documents[1]}
        return self._add("versions", {
            "pipeline_id": query["pipelineid"], "name": query["name"],
            "display_name": query["name"], "description": query.get("description", ""),
            "pipeline_spec": spec,
        })  # fmt: skip

    def _of(self, pipeline: str) -> list[dict[str, Any]]:
        return [v for v in self.items["versions"].values() if v["pipeline_id"] == pipeline]

    def _create(self, kind: str, body: dict[str, Any]) -> Answer:
        names = {
            item["display_name"] for item in self.items[kind].values()
            if item.get("namespace") == body.get("namespace")
        }  # fmt: skip
        if self.multi_user and kind in ("pipelines", "experiments") and "namespace" not in body:
            return 400, {"code": 3, "message": "Invalid input error: Namespace is empty"}
        if self.multi_user and kind in ("runs", "recurringruns"):
            experiment = self.items["experiments"][body["experiment_id"]]
            body = {**body, "namespace": experiment["namespace"]}
        if kind in ("pipelines", "experiments") and body["display_name"] in names:
            return 409, {"code": 6, "message": "Already exist error"}
        if kind == "runs":
            body = {**body, "state": "PENDING", "storage_state": "AVAILABLE"}
        if kind == "recurringruns":
            body = {**body, "status": f"{body['mode']}D"}
        return self._add(kind, body)

    def _add(self, kind: str, item: dict[str, Any]) -> Answer:
        self.count += 1
        identity = f"{kind}-{self.count:04}"
        made = {_IDS[kind]: identity, "created_at": f"2026-01-01T00:00:{self.count:02}Z", **item}
        self.items[kind][identity] = made
        return 200, made

    def _list(self, kind: str, of: dict[str, str], query: dict[str, str]) -> Answer:
        wanted = {
            **of, **{k: v for k, v in query.items() if k in ("experiment_id", "namespace")},
        }  # fmt: skip
        if self.multi_user and not wanted:
            return 400, {"code": 3, "message": "Invalid input error: A namespace is required"}
        found = [
            {"name": item.get("display_name"), **item} for item in self.items[kind].values()
            if all(item.get(key) == value for key, value in wanted.items())
        ]  # fmt: skip
        for one in json.loads(query.get("filter", "{}")).get("predicates", ()):
            matches = _OPERATIONS[one["operation"]]
            found = [item for item in found if matches(item[one["key"]], one["string_value"])]
        if query.get("sort_by") == "created_at desc":
            found.sort(key=lambda item: item["created_at"], reverse=True)
        at, size = int(query.get("page_token", 0)), min(self.page, int(query["page_size"]))
        more = {"next_page_token": str(at + size)} if at + size < len(found) else {}
        page = found[at : at + size]
        return 200, {**({_LISTS[kind]: page, "total_size": len(found)} if found else {}), **more}

    def _one(self, method: str, kind: str, identity: str, verb: str, body: Any) -> Answer:
        item = self.items[kind].get(identity)
        if item is None:
            return 404, {"code": 5, "message": f"Not found error: {identity} not found"}
        if method == "PATCH":
            item.update(body)
            return 200, item
        if method == "DELETE":
            del self.items[kind][identity]
            return 200, {}
        if verb == "terminate" and item["state"] not in ("PENDING", "RUNNING", "PAUSED"):
            text = f"Invalid input error: Failed to terminate a run {identity}. Row not found"
            text = f"Failed to terminate a run: Failed to terminate run {identity}: {text}"
            return 400, {"code": 3, "message": text}
        changed = {
            "terminate": {"state": "CANCELING"}, "archive": {"storage_state": "ARCHIVED"},
            "enable": {"status": "ENABLED"}, "disable": {"status": "DISABLED"},
        }  # fmt: skip
        item.update(changed.get(verb, {}))
        return 200, item if method == "GET" else {}


def serve(fake: FakeKubeflow) -> tuple[ThreadingHTTPServer, str]:
    """Serve it on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**16  # an answer in one packet: else each waits 40 ms for an acknowledgement

        def _do(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            if fake.token and self.headers.get("Authorization") != f"Bearer {fake.token}":
                status, answer = 401, {"code": 16, "message": "Unauthenticated"}
            else:
                status, answer = fake.answer(self.command, parts.path, query, self._body(raw))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self, raw: bytes) -> Any:
            kind = self.headers.get("Content-Type", "")
            if not kind.startswith("multipart/"):
                return json.loads(raw or b"{}")
            message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + raw)
            (part,) = message.get_payload()
            assert part.get_param("name", header="content-disposition") == "uploadfile"
            return part.get_payload(decode=True)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"
