"""A service over HTTP: who asks it, what is sent to it again, and for how long."""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from atlas.errors import PlatformError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.http.answers import Answer

TIMEOUT = "ATLAS_HTTP_TIMEOUT"
"""Variable with the seconds that a request and its whole answer may take."""
_SECONDS = 60.0
"""Its default; a busy Airflow may take twenty."""
_REPEATABLE = frozenset(("GET", "HEAD", "PUT", "DELETE", "OPTIONS"))
"""Methods that do the same however often they are sent (RFC 9110, 9.2.2)."""
_UNAUTHORIZED, _TOO_MANY, _UNAVAILABLE = 401, 429, 503
_FAILED = (500, 502, 504)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


class Patience(NamedTuple):
    """For how many seconds a request is sent again.

    Attributes:
        refused: after a connection that wasn't made.
        unanswered: after an answer that was lost.
        busy: after status 429 or 503.
        failed: after status 500, 502 or 504.
    """

    refused: float = 0.05
    unanswered: float = 2.0
    busy: float = 2.0
    failed: float = 2.0


def nobody() -> str:
    """Return the authorization of a service that asks for none."""
    return ""


class Service:
    """A service.

    A request is repeated only where that changes nothing: its method is idempotent, or the caller
    says so; or none of it has left this machine; or the service answers that it has done nothing
    (429).
    """

    __slots__ = ("_authorize", "_known", "_patience", "_root", "_seconds", "name", "url")

    def __init__(
        self,
        name: str,
        url: str,
        authorize: Callable[[], str] = nobody,
        patience: Patience = Patience(),  # noqa: B008 - a tuple
        *,
        seconds: float = 0.0,
    ) -> None:
        """Use a service; nothing is asked yet.

        Args:
            name: what it is, for messages.
            url: where its paths start; a user and password in it are sent as basic authentication.
            authorize: gives the value of the header ``Authorization``, empty for none; it is asked
                again when the service answers 401.
            patience: for how long requests are repeated.
            seconds: the most that a request and its whole answer may take; 0 for what `timeout`
                says.
        """
        self.name = name
        self.url, self._authorize = _without_user(url.rstrip("/"), authorize)
        self._patience = patience
        self._seconds = seconds
        self._known: str | None = None

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool | None = None,
    ) -> Answer:
        """Send a request and return what is answered, whatever its status is.

        Args:
            method: such as ``GET``.
            path: what follows the URL, with its query.
            body: content, or none.
            headers: of the request, besides the authorization.
            repeatable: whether sending it twice does no more than once; None for what the method
                says.

        Raises:
            UnreachableError: there was no answer.
            PlatformError: the request can't be sent, or the answer is too large.
        """
        again = method in _REPEATABLE if repeatable is None else repeatable
        begin, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            try:
                answer = self._authorized(method, path, body, headers or {})
                seconds = self._after(answer.status, again=again)
                if time.monotonic() - begin >= seconds:
                    return answer
            except UnreachableError as error:
                seconds = self._patience.unanswered if error.sent else self._patience.refused
                if (error.sent and not again) or time.monotonic() - begin >= seconds:
                    raise
            time.sleep(pause * _jitter())
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _after(self, status: int, *, again: bool) -> float:
        """Return for how long a request is repeated that is answered so."""
        if status == _TOO_MANY or (again and status == _UNAVAILABLE):
            return self._patience.busy
        return self._patience.failed if again and status in _FAILED else 0.0

    def _authorized(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send a request with the authorization, and again with another when it is refused."""
        is_old = self._known is not None
        used = self._known = self._authorize() if self._known is None else self._known
        answer = self._exchange(method, path, body, headers, used)
        if answer.status != _UNAUTHORIZED or not is_old:
            return answer
        self._known = self._authorize()
        if self._known == used:
            return answer
        return self._exchange(method, path, body, headers, self._known)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], used: str
    ) -> Answer:
        from atlas.http.connection import exchange

        who = {"Authorization": used} if used else {}
        try:
            where = f"{self.url}/{path}"
            seconds = min(timeout(), self._seconds or math.inf)
            answer = exchange(method, where, body, {**headers, **who}, seconds)
        except UnreachableError as error:
            text = f"{self.name} at {self.url}: {error}"
            raise UnreachableError(text, sent=error.sent, timed_out=error.timed_out) from error
        return answer._replace(url=f"{self.name} at {where}")


def timeout() -> float:
    """Return the seconds that a request and its whole answer may take.

    Raises:
        PlatformError: the variable isn't such a number.
    """
    text = os.environ.get(TIMEOUT)
    if not text:
        return _SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e6:  # noqa: PLR2004
        raise PlatformError(f"{TIMEOUT}: found {text!r}, expected a number of seconds above 0")
    return seconds


def _without_user(url: str, authorize: Callable[[], str]) -> tuple[str, Callable[[], str]]:
    """Return a URL without its user, and what sends that user."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, authorize
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, authorize
    name, _, password = user.partition(":")
    from atlas.http.credentials import basic

    value = basic(unquote(name), unquote(password))
    return urlunsplit(parts._replace(netloc=host)), lambda: value


def _jitter() -> float:
    """Return a factor from 0.5 to 1.5, so that those who were turned away don't come together."""
    return 0.5 + os.urandom(1)[0] / 255
