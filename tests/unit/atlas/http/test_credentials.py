"""Who asks, and which way requests go."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from atlas.errors import PlatformError
from atlas.http import connection, credentials
from atlas.http.proxies import is_loopback, proxy_for

GOOD = '{"username": "me", "password": "hunter2"}'


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch):
    for name in [*os.environ]:
        if name.lower().endswith("_proxy") or name.startswith(("MLFLOW_TRACKING", "ATLAS_MLFLOW")):
            monkeypatch.delenv(name)
    yield
    connection.close_idle()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mlflow.json"
    path.write_text(GOOD)
    path.chmod(0o600)
    monkeypatch.setenv(credentials.MLFLOW, str(path))
    return path


def plain(value: str) -> str:
    return base64.b64decode(value.removeprefix("Basic ")).decode()


def test_the_order_of_who_asks(file, monkeypatch):
    assert plain(credentials.mlflow_authorization()) == "me:hunter2"
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "you")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pässword")
    assert plain(credentials.mlflow_authorization()) == "you:pässword"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "token\n")
    assert credentials.mlflow_authorization() == "Bearer token"
    assert credentials.pushgateway_authorization() == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o777])
def test_a_file_that_others_can_read(file, mode):
    file.chmod(mode)
    with pytest.raises(PlatformError, match=r"ATLAS_MLFLOW_CREDENTIALS: .*others can .*chmod 600"):
        credentials.mlflow_authorization()


@pytest.mark.parametrize("content", [
    "", "[]", "null", "hunter2", '{"username": "me"}', '{"username": "me", "password": 5}', "[" * 99999,
    '{"username": "a:b", "password": "hunter2"}', '{"username": "", "password": "hunter2"}', "\xff",
])  # fmt: skip
def test_a_file_without_credentials(file, content):
    file.write_text(content, "latin-1")
    with pytest.raises(PlatformError, match="found no credentials; expected JSON") as found:
        credentials.mlflow_authorization()
    assert "hunter2" not in str(found.value)


def test_what_is_no_file(file):
    file.unlink()
    with pytest.raises(PlatformError, match="can't be read: No such file"):
        credentials.mlflow_authorization()
    file.mkdir()
    with pytest.raises(PlatformError, match=r"isn't a regular file"):
        credentials.mlflow_authorization()
    file.rmdir()
    os.mkfifo(file, 0o600)
    with pytest.raises(PlatformError, match="isn't a regular file"):
        credentials.mlflow_authorization()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user(file):
    os.chown(file, 65534, 65534)
    with pytest.raises(PlatformError, match="belongs to another user"):
        credentials.mlflow_authorization()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST.", "a.localhost",
                                  "::1", "[::1]"])  # fmt: skip
def test_this_machine(host, monkeypatch):
    assert is_loopback(host)
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    assert proxy_for("http", host, 80) is None


@pytest.mark.parametrize("host", ["localhost.example.org", "127.0.0.1.example.org", "127.1", "10.0.0.1",
                                  "1270.0.0.1", ""])  # fmt: skip
def test_another_machine(host):
    assert not is_loopback(host)


def test_proxies_of_the_environment(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter%402@proxy:3128")
    monkeypatch.setenv("NO_PROXY", "example.org,.internal,other:8443")
    found = proxy_for("https", "elsewhere.org", None)
    assert (found.host, found.port) == ("proxy", 3128)
    assert plain(found.headers["Proxy-Authorization"]) == "me:hunter@2"
    for host, port in [("example.org", 443), ("a.internal", None), ("other", 8443)]:
        assert proxy_for("https", host, port) is None
    assert proxy_for("https", "other", 443)
    assert proxy_for("http", "elsewhere.org", None) is None
    for wrong in ("socks5://me:hunter2@p:1", "http://", "http://p:x", "p:hunter2:x"):
        monkeypatch.setenv("HTTPS_PROXY", wrong)
        with pytest.raises(PlatformError, match=r"https_proxy: .*expected http://") as told:
            proxy_for("https", "elsewhere.org", None)
        assert "hunter2" not in str(told.value)
