"""The registry's API, over http, as registries of different kinds answer."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from atlas.errors import PlatformError
from atlas.http.service import Patience
from atlas.images import registry as images_registry
from atlas.images.credentials import Credentials
from atlas.images.registry import ImageRegistry
from tests.integration.atlas.http.bad_server import answer, serving

DIGEST = "sha256:" + "d" * 64
MANIFEST = json.dumps({"config": {"size": 10}, "layers": [{"size": 20}, {"size": 30}]}).encode()
ME = Credentials("me", "hunter2")


class Server(ThreadingHTTPServer):
    """What a registry does, as attributes."""

    token_service = False
    deletion = True
    broken = False
    deleted = False


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None: ...

    def _answer(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        known = base64.b64encode(b"me:hunter2").decode()
        given = self.headers.get("Authorization", "")
        if self.path.startswith("/token"):
            assert given == f"Basic {known}"
            assert "scope=repository%3Aatlas%2Fx" in self.path
            return self._answer(200, json.dumps({"token": "t0ken"}).encode())
        if self.server.broken:
            return self._answer(503)
        wanted = "Bearer t0ken" if self.server.token_service else f"Basic {known}"
        if given != wanted:
            realm = f"http://127.0.0.1:{self.server.server_port}/token"
            bearer = f'Bearer realm="{realm}",service="x",scope="repository:atlas/x:pull"'
            how = bearer if self.server.token_service else 'Basic realm="x"'
            return self._answer(401, WWW_Authenticate=how)
        return self._found()

    do_HEAD = do_DELETE = do_GET

    def _found(self) -> None:
        if self.path == "/v2/":
            return self._answer(200)
        if self.path.endswith("/tags/list") and "atlas/x" in self.path:
            return self._answer(200, b'{"tags": ["b", "a"]}')
        if "atlas/x/manifests/" not in self.path or self.server.deleted:
            return self._answer(404)
        if self.command == "DELETE":
            self.server.deleted = self.server.deletion
            return self._answer(202 if self.server.deletion else 405)
        return self._answer(200, MANIFEST, Docker_Content_Digest=DIGEST)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(params=[False, True], ids=["basic", "token"])
def registry(server: Server, request: pytest.FixtureRequest) -> ImageRegistry:
    server.token_service = request.param
    return ImageRegistry(f"127.0.0.1:{server.server_port}", ME)


def test_what_is_there(registry):
    assert registry.digest("atlas/x", "tag") == DIGEST
    manifest = registry.manifest("atlas/x", "tag")
    assert (manifest.digest, manifest.size) == (DIGEST, 60)
    assert registry.tags("atlas/x") == ["a", "b"]


def test_what_is_not_there(registry):
    assert registry.digest("atlas/y", "tag") == ""
    assert registry.manifest("atlas/y", "tag") is None
    assert registry.tags("atlas/y") == []
    assert registry.delete("atlas/y", DIGEST) is False


def test_deletion(registry):
    assert registry.delete("atlas/x", DIGEST) is True
    assert registry.digest("atlas/x", "tag") == ""


def test_a_registry_that_does_not_allow_deletion(server):
    server.deletion = False
    with pytest.raises(PlatformError, match=r"I206.*deletion has to be enabled"):
        ImageRegistry(f"127.0.0.1:{server.server_port}", ME).delete("atlas/x", DIGEST)


@pytest.mark.parametrize(
    ("credentials", "words"),
    [(None, "without credentials"), (Credentials("me", "wrong"), "credentials of 'me'")],
)
def test_wrong_credentials(server, credentials, words):
    with pytest.raises(PlatformError, match="I206") as caught:
        ImageRegistry(f"127.0.0.1:{server.server_port}", credentials).check()
    assert words in str(caught.value)
    assert "wrong" not in str(caught.value).replace("wrong credentials", "")
    assert "podman login" in str(caught.value)


def test_a_registry_that_is_out_of_order(server, monkeypatch):
    server.broken = True
    monkeypatch.setattr(images_registry, "_PATIENCE", Patience(0.0, 0.0, 0.1, 0.0))
    with pytest.raises(PlatformError, match=r"I206.*answers with status 503"):
        ImageRegistry(f"127.0.0.1:{server.server_port}", ME).check()


def test_a_registry_that_does_not_answer(server):
    server.server_close()
    with pytest.raises(PlatformError, match=r"I206.*doesn't answer.*atlas up"):
        ImageRegistry(f"127.0.0.1:{server.server_port}", ME).digest("atlas/x", "tag")


def test_only_a_registry_on_this_machine_may_speak_http():
    assert ImageRegistry("127.0.0.1:5000").plain
    assert ImageRegistry("localhost:5000").plain
    assert not ImageRegistry("registry.example.org").plain
    assert not ImageRegistry("127.0.0.1.example.org").plain


def test_credentials_are_never_shown():
    assert "hunter2" not in repr(ME)
    assert "hunter2" not in str(vars(ImageRegistry("127.0.0.1:1", ME)))


def test_credentials_go_to_no_other_origin(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving() as other, serving(answer(307, Location=f"{other.url}/blob")) as server:
        client = ImageRegistry(server.url.removeprefix("http://"), Credentials("me", "hunter2"))
        assert client.document("a", "blobs/x") == {}
        assert "authorization" in server.seen[0].headers
        assert other.lines == ["GET /blob"]
        assert "authorization" not in other.seen[0].headers


def test_redirects_end():
    with serving(*[answer(307, Location="/again")] * 9) as server:
        client = ImageRegistry(server.url.removeprefix("http://"))
        with pytest.raises(PlatformError, match="redirected more than 5 times"):
            client.document("a", "blobs/x")
        assert server.lines == ["GET /v2/a/blobs/x", *["GET /again"] * 5]


def test_as_many_redirects_as_are_followed_may_lead_to_an_answer():
    with serving(*[answer(307, Location="/again")] * 5) as server:
        client = ImageRegistry(server.url.removeprefix("http://"))
        assert client.document("a", "blobs/x") == {}
        assert server.lines == ["GET /v2/a/blobs/x", *["GET /again"] * 5]


@pytest.mark.parametrize("content", [b"[]", b"<html>", b'{"tags": 3}', b"null"])
def test_tags_of_another_shape(content):
    with serving(answer(200, content)) as server:
        client = ImageRegistry(server.url.removeprefix("http://"))
        with pytest.raises(PlatformError, match="expected"):
            client.tags("a")


@pytest.mark.parametrize("content", [b'{"layers": {}}', b'{"layers": [{"size": "x"}]}', b"[]"])
def test_a_manifest_of_another_shape(content):
    with serving(answer(200, content)) as server:
        client = ImageRegistry(server.url.removeprefix("http://"))
        with pytest.raises(PlatformError, match="expected"):
            client.manifest("a", "tag")
