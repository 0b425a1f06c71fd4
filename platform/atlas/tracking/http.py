"""HTTP to the platform's services, with the standard library alone."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from atlas.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPConnection

TIMEOUT = 60.0
"""Seconds to wait for a connection and for an answer; a busy Airflow may take twenty."""

_connections: dict[tuple[int, int, str], HTTPConnection] = {}


def request(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Send a request and return the status and the content; connections are kept and used again.

    Raises:
        PlatformError: there was no answer.
    """
    parts = urlsplit(url)
    key = (os.getpid(), _thread(), f"{parts.scheme}://{parts.netloc}")
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    kept = key in _connections
    for retry in (kept, False):
        connection = _connections.get(key) or _connect(parts.scheme, parts.netloc)
        _connections[key] = connection
        try:
            connection.request(method, target, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, ValueError, _http_error()) as error:
            connection.close()
            _connections.pop(key, None)
            if not retry:
                reason = str(error) or type(error).__name__
                raise PlatformError(f"{key[2]}: no answer: {reason}") from error
    raise AssertionError  # pragma: no cover


def ask(
    method: str, url: str, payload: Mapping[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """Send JSON, or a query for GET, and return the status and the answer's JSON.

    Raises:
        PlatformError: there was no answer, or it is no JSON.
    """
    headers = {"Content-Type": "application/json", **authorization()}
    body = None
    if method == "GET" and payload:
        url = f"{url}?{urlencode(payload)}"
    elif payload is not None:
        body = json.dumps(payload).encode()
    status, content = request(method, url, body, headers)
    try:
        answer = json.loads(content or b"{}")
    except ValueError:
        text = content[:100].decode("utf-8", "replace").strip()
        raise PlatformError(f"{url}: status {status}, and no JSON: {text!r}") from None
    return status, answer if isinstance(answer, dict) else {"answer": answer}


def authorization() -> dict[str, str]:
    """Return the header that MLflow's own variables ask for."""
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user:
        pair = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _connect(scheme: str, netloc: str) -> HTTPConnection:
    from http import client

    kind = client.HTTPSConnection if scheme == "https" else client.HTTPConnection
    return kind(netloc.rpartition("@")[2], timeout=TIMEOUT)


def _http_error() -> type[Exception]:
    from http.client import HTTPException

    return HTTPException


def _thread() -> int:
    import threading

    return threading.get_ident()
