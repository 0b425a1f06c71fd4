"""Whether a service is well: checked over HTTP, by a connection, or by a command."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from atlas.errors import PlatformError
from atlas.http.connection import close_idle, exchange
from atlas_provider.ports import is_listening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FRESH = "fresh"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_REQUEST_SECONDS = 5.0
_HTTP_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A service's health check.

    Attributes:
        url: ``http://…`` answers 200, ``tcp://host:port`` accepts a connection; empty for neither.
        authorization: the header of that name that `url` is requested with; empty for none.
        command: exits 0; empty for none.
        expect: what the JSON that `url` answers has: a value by dotted path, or ``fresh`` for a
            time that isn't before `since`.
        since: when the service was started.
    """

    url: str = ""
    authorization: str = field(default="", repr=False)
    command: Sequence[str] = ()
    expect: Mapping[str, str] = field(default_factory=dict)
    since: datetime = _LONG_AGO


def ailment(health: Health, environment: Mapping[str, str]) -> str:
    """Return what is wrong with a service now; empty when it is well."""
    if health.url.startswith("tcp://"):
        return _connect(health.url)
    if health.url:
        return _request(health)
    if health.command:
        return _run(health.command, environment)
    return ""


def _connect(url: str) -> str:
    """Return what is wrong with a TCP service."""
    port = urlsplit(url).port
    return "" if port and is_listening(port) else f"{url} accepts no connection"


def _request(health: Health) -> str:
    """Return what is wrong with an HTTP service."""
    headers = {"Authorization": health.authorization} if health.authorization else {}
    try:
        answer = exchange("GET", health.url, None, headers, _REQUEST_SECONDS)
    except PlatformError as error:
        return f"{health.url} doesn't answer ({error})"
    finally:
        # A server that is asked to stop may wait for its connections.
        close_idle(urlsplit(health.url).netloc)
    if answer.status != _HTTP_OK:
        return f"{health.url} answered {answer.status}"
    return _unexpected(health, answer.content) if health.expect else ""


def _unexpected(health: Health, body: bytes) -> str:
    """Return which expected value the answer doesn't have."""
    try:
        answer = json.loads(body)
    except ValueError:
        return f"{health.url} didn't answer with JSON"
    for path, expected in health.expect.items():
        value = _at(answer, path)
        if not _meets(value, expected, health.since):
            return f"{health.url}: {path} is {value!r}; expected {expected!r}"
    return ""


def _at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path of plain data; None for nothing."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _meets(value: Any, expected: str, since: datetime) -> bool:
    """Tell whether a value is the expected one."""
    if expected != FRESH:
        return str(value) == expected
    try:
        return datetime.fromisoformat(str(value)) >= since
    except (ValueError, TypeError):
        return False


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return what is wrong according to a command."""
    try:
        done = subprocess.run(  # noqa: S603 - the program's own command
            command, env=dict(environment), capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} can't be run ({error})"
    return "" if done.returncode == 0 else f"{command[0]} exited {done.returncode}"
