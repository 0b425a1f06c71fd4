"""An API server of Kubeflow Pipelines, as it was recorded, as it is, and in its worst moods."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

import pytest

from atlas.errors import DeployError, PlatformError
from atlas.http import service
from atlas.http.answers import Answer
from atlas.http.service import Patience, Service
from atlas.targets.kubeflow.server import Api, api, clock
from atlas.targets.kubeflow.server import pipelines as of
from tests.integration import fake_kubeflow, kubeflow_scenario
from tests.servers import free_port

URL = os.environ.get("ATLAS_TEST_KFP_URL", "")
RECORDS = "ATLAS_TEST_KFP_RECORD" in os.environ
_TRACE = re.compile(r'"error_details":"(?:[^"\\]|\\.)*"')
"""Kubeflow's own call stack, with paths of the machine that built it."""


NAMESPACE = os.environ.get("ATLAS_TEST_KFP_NAMESPACE", "")
TOKEN = os.environ.get("ATLAS_TEST_KFP_TOKEN", "")
MODES = pytest.mark.parametrize("namespace", ["", "team-a"], ids=["single-user", "multi-user"])


def expected(namespace: str = "") -> dict[str, Any]:
    return json.loads(kubeflow_scenario.recorded(namespace).read_text("utf-8"))["seen"]


def plain(seen: dict[str, Any]) -> dict[str, Any]:
    """Return what was seen, without what differs between servers."""
    text = json.dumps(seen)
    return json.loads(re.sub(r"http://127\.0\.0\.1:[0-9]+", "URL", text))


@pytest.mark.cluster
@pytest.mark.skipif(not URL, reason="ATLAS_TEST_KFP_URL names no API server of Kubeflow Pipelines")
def test_a_real_server_does_what_was_recorded():
    record: list[dict[str, Any]] = []
    with patch.object(Service, "send", recording(record)):
        seen = plain(kubeflow_scenario.scenario(Api(URL, lambda: TOKEN, namespace=NAMESPACE)))
    if RECORDS:
        text = json.dumps({"seen": seen, "exchanges": record}, indent=1, sort_keys=True)
        kubeflow_scenario.recorded(NAMESPACE).write_text(text + "\n", "utf-8")
    assert seen == expected(NAMESPACE)


@MODES
def test_the_recorded_exchanges_are_those_of_today(namespace: str):
    """Recorded with an API server 2.17.0: every request has to be the one that it answered."""
    server, url, left = replay(kubeflow_scenario.exchanges(namespace))
    try:
        api = Api(url, namespace=namespace)
        assert plain(kubeflow_scenario.scenario(api)) == expected(namespace)
    finally:
        server.shutdown()
        server.server_close()
    assert left == []


@MODES
def test_the_fake_does_what_the_real_one_did(namespace: str):
    with fake(multi_user=bool(namespace)) as (_, url):
        api = Api(url, namespace=namespace)
        assert plain(kubeflow_scenario.scenario(api)) == expected(namespace)


def recording(record: list[dict[str, Any]]) -> Callable[..., Answer]:
    real = Service.send

    def wrapped(
        self: Service, method: str, path: str, body: bytes | None, *args: Any, **options: Any
    ) -> Answer:
        answer = real(self, method, path, body, *args, **options)
        sent = (body or b"").decode()
        text = _TRACE.sub('"error_details":""', answer.text)
        record.append({"method": method, "path": f"/{path}", "body": sent,
                       "status": answer.status, "answer": text})  # fmt: skip
        return answer

    return wrapped


def replay(recorded: list[dict[str, Any]]) -> tuple[ThreadingHTTPServer, str, list[dict[str, Any]]]:
    """Serve recorded exchanges in their order; another request gets status 418."""
    left = [*recorded]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**16

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            sent = (self.command, self.path, body)
            wanted = left[0] if left else {}
            status, answer = 418, f"{sent}, expected {wanted}"
            if sent == (wanted.get("method"), wanted.get("path"), wanted.get("body")):
                left.pop(0)
                status, answer = wanted["status"], wanted["answer"]
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer.encode())))
            self.end_headers()
            self.wfile.write(answer.encode())

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}", left


class fake:
    """A fake server for one test."""

    def __init__(self, **state: Any) -> None:
        self.fake = fake_kubeflow.FakeKubeflow(**state)

    def __enter__(self) -> tuple[fake_kubeflow.FakeKubeflow, str]:
        self.server, url = fake_kubeflow.serve(self.fake)
        return self.fake, url

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    if not URL:
        monkeypatch.setattr(service, "_FIRST_PAUSE", 0.001)
        monkeypatch.setattr(service, "_LONGEST_PAUSE", 0.01)


def test_nothing_there_is_told_at_once():
    with pytest.raises(
        PlatformError, match=r"kubeflow at .*: no answer: .*refused; see that its API"
    ):
        of.pipelines(Api(f"http://127.0.0.1:{free_port()}"), ["a"])


def test_a_server_that_is_busy_is_asked_again():
    busy = [(503, {"code": 14, "message": "unavailable"})] * 3
    with fake(trouble=[*busy]) as (there, url):
        assert of.add_pipeline(Api(url), "a", "it").name == "a"
        assert len(there.calls) == 4


def test_what_may_have_been_done_is_not_done_again():
    with fake(trouble=[(500, {"code": 13, "message": "boom"})]) as (there, url):
        with pytest.raises(PlatformError, match=r"kubeflow at .*: runs: status 500: boom"):
            Api(url).create("runs", {"display_name": "a"}, bears_repeat=False)
        assert len(there.calls) == 1


def test_a_failure_inside_is_not_asked_for_ever(monkeypatch):
    monkeypatch.setattr(api, "_PATIENCE", Patience(failed=1.0))
    with fake(trouble=[(500, {"code": 13, "message": "boom"})] * 1000) as (there, url):
        with pytest.raises(PlatformError, match="status 500: boom"):
            Api(url).get("pipelines")
        assert 1 < len(there.calls) < 1000


def test_a_token_that_was_changed_is_read_again():
    tokens = iter(["old", "new"])
    with fake(token="old") as (there, url):
        speaker = Api(url, lambda: next(tokens), "kubeflow")
        of.pipelines(speaker, ["a"])
        there.token = "new"
        of.pipelines(speaker, ["a"])


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, r"doesn't take the token of secret 'kubeflow' .*may have expired"),
        (403, r"the token of secret 'kubeflow' isn't allowed to do this .*give its account"),
        (302, r"doesn't take the token .*a page to sign in"),
    ],
)
def test_a_token_that_is_refused_is_told_and_not_shown(status, message):
    refusals = [(status, {"message": "no"})] * 2
    with fake(trouble=refusals) as (_, url), pytest.raises(PlatformError, match=message) as found:
        of.pipelines(Api(url, lambda: "hunter2", "kubeflow"), ["a"])
    assert "hunter2" not in str(found.value)


def test_a_server_that_asks_for_a_token_says_where_to_name_one():
    with fake(token="x") as (_, url), pytest.raises(PlatformError, match="asks for a token"):
        of.pipelines(Api(url), ["a"])


def test_another_server_is_no_kubeflow():
    with fake() as (_, url), pytest.raises(PlatformError, match=r"has no .* 2\.14 or newer"):
        Api(f"{url}/elsewhere").get("x")


@pytest.mark.parametrize("release", ["2.0.5", "v2.5.0", "2.13"])
def test_a_server_that_cannot_run_what_atlas_compiles_is_told_at_once(release):
    with fake(release=release) as (_, url), pytest.raises(PlatformError, match=r"2\.14 or newer"):
        Api(url).check()


@pytest.mark.parametrize("release", ["2.14.0", "2.17.0", "3.0", "unknown", ""])
def test_a_newer_server_is_taken_and_one_that_does_not_say(release):
    with fake(release=release) as (_, url):
        Api(url).check()


def test_a_name_that_is_taken_is_no_failure_where_an_older_server_says_so_otherwise():
    taken = "Failed to create a pipeline version: Already exist error: The name a already exist"
    with fake() as (there, url):
        pipeline = of.add_pipeline(Api(url), "a", "it")
        there.trouble = [(500, {"error_message": taken})] * 1000
        assert Api(url).upload({"name": "a", "pipelineid": pipeline.id}, b"x: 1") is None


def test_lists_are_read_to_their_end():
    with fake(page=2) as (_, url):
        speaker = Api(url)
        names = [f"p-{number}" for number in range(5)]
        for name in names:
            of.add_pipeline(speaker, name, "it")
        assert [*of.pipelines(speaker, names)] == names


def test_an_upload_that_the_server_broke_off_gets_another_name():
    digest = "a" * 64
    with fake(hidden={digest}) as (_, url):
        pipeline = of.add_pipeline(Api(url), "a", "it")
        made = of.add_version(Api(url), pipeline, digest, b"x: 1", "plan: it")
        assert (made.name, made.digest) == (f"{digest}-2", digest)
        assert [one.id for one in of.versions(Api(url), pipeline, digest)] == [made.id]


def test_a_version_that_another_process_is_uploading_is_waited_for():
    with fake() as (there, url):
        pipeline = of.add_pipeline(Api(url), "a", "it")
        made = of.add_version(Api(url), pipeline, "a" * 64, b"x: 1", "plan: it")
        there.trouble = [(409, {"error_message": "it is there"}), (200, {})]
        assert of.add_version(Api(url), pipeline, "a" * 64, b"x: 1", "plan: it") == made
        assert len(there.items["versions"]) == 1


def test_a_name_that_is_taken_that_lists_leave_out_is_reported():
    with fake() as (there, url):
        there.trouble = [(409, {"code": 6, "message": "there"})]
        with pytest.raises(DeployError, match="has this name for another pipeline"):
            of.add_pipeline(Api(url), "a", "it")


@pytest.mark.parametrize(
    ("line", "cron", "start"),
    [
        ("0 6 * * *", "0 0 6 * * *", ""),
        ("*/20 6 * jan-mar 7", "0 0,20,40 6 * 1,2,3 0", ""),
        ("0 6 * * * from 2026-01-01", "0 0 6 * * *", "2026-01-01T00:00:00Z"),
        ("0 6 * * * from 2026-01-01T06:00+02:00", "0 0 6 * * *", "2026-01-01T04:00:00Z"),
    ],
)
def test_schedules_in_the_words_of_kubeflow(line, cron, start):
    assert (clock.cron_of(line), clock.start_of(line)) == (cron, start)
