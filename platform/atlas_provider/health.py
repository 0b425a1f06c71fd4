"""Whether a service is well, asked in its own way: over HTTP, by a connection, or by a command."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from atlas_provider.ports import is_listening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FRESH = "fresh"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_REQUEST_SECONDS = 5.0
_HTTP_OK = 200
# No proxy is asked for what is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A service's health check.

    Attributes:
        url: ``http://…`` answers 200, ``tcp://host:port`` accepts a connection; empty for neither.
        authorization: the header of that name which `url` is asked with; empty for none.
        command: exits 0; empty for none.
        expect: what the JSON that `url` answers holds: a value by dotted path, or ``fresh`` for a
            moment that isn't before `since`.
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
    request = urllib.request.Request(health.url)  # noqa: S310 - the program's own
    if health.authorization:
        request.add_unredirected_header("Authorization", health.authorization)
    try:
        with _opener.open(request, timeout=_REQUEST_SECONDS) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        return f"{health.url} answered {error.code}"
    except (OSError, ValueError) as error:
        return f"{health.url} doesn't answer ({error})"
    if status != _HTTP_OK:
        return f"{health.url} answered {status}"
    return _unexpected(health, body) if health.expect else ""


def _unexpected(health: Health, body: bytes) -> str:
    """Return which expected value the answer doesn't hold."""
    try:
        answer = json.loads(body)
    except ValueError:
        return f"{health.url} didn't answer with JSON"
    for path, wanted in health.expect.items():
        found = _at(answer, path)
        if not _meets(found, wanted, health.since):
            return f"{health.url} says {path} is {found!r}; expected {wanted!r}"
    return ""


def _at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path of plain data; None for nothing."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _meets(found: Any, wanted: str, since: datetime) -> bool:
    """Tell whether a found value is the wanted one."""
    if wanted != FRESH:
        return str(found) == wanted
    try:
        return datetime.fromisoformat(str(found)) >= since
    except (ValueError, TypeError):
        return False


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return what is wrong according to a command."""
    try:
        done = subprocess.run(  # noqa: S603 - the program's own command
            command, env=dict(environment), capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} can't be asked ({error})"
    return "" if done.returncode == 0 else f"{command[0]} exited {done.returncode}"
