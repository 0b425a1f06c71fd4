"""Credentials and proxies, against a server."""

from __future__ import annotations

import pytest

from atlas.errors import PlatformError
from atlas.http.service import Service
from tests.integration.atlas.http.bad_server import answer, serving
from tests.unit.atlas.http.test_credentials import clean, plain

__all__ = ["clean"]


def test_a_request_by_a_proxy(monkeypatch):
    with serving(answer(201)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:pw@"))
        found = Service("it", "http://mlflow.example.org:5000", lambda: "token").send(
            "GET", "a?b=1"
        )
        assert found.status == 201
        (seen,) = proxy.seen
        assert seen.line == "GET http://mlflow.example.org:5000/a?b=1 HTTP/1.1"
        assert seen.headers["host"] == "mlflow.example.org:5000"
        assert plain(seen.headers["proxy-authorization"]) == "me:pw"
        assert seen.headers["authorization"] == "token"


def test_credentials_are_not_shown_to_the_proxy_of_a_secure_server(monkeypatch):
    with serving(*[answer(403)] * 9) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(PlatformError, match=r"Tunnel connection failed: 403.*by the proxy"):
            Service("it", "https://mlflow.example.org", lambda: "token").send("GET", "a")
        assert proxy.seen[0].line.startswith("CONNECT mlflow.example.org:443 HTTP/1.")
        assert "authorization" not in proxy.seen[0].headers
