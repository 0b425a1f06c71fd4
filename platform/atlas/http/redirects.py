"""Redirects of reads: followed a few times, and credentials stay with the origin they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from atlas.errors import PlatformError
from atlas.http.connection import exchange
from atlas.http.service import timeout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.http.answers import Answer

_MOVED = (301, 302, 303, 307, 308)
_MOST = 5


def followed(answer: Answer, method: str, url: str, headers: Mapping[str, str]) -> Answer:
    """Return the answer that redirects lead to; the answer itself where it isn't a redirect.

    Args:
        answer: to the request.
        method: of the request; only GET and HEAD are sent to another place.
        url: of the request.
        headers: of the request; `Authorization` isn't sent to another origin.

    Raises:
        UnreachableError: there was no answer.
        PlatformError: the redirects have no end, or lead from https to http.
    """
    if method not in ("GET", "HEAD"):
        return answer
    for _ in range(_MOST):
        if not _leads_on(answer):
            return answer
        target = urljoin(url, answer.headers["location"])
        headers = _headers_for(target, url, headers)
        url, answer = target, exchange(method, target, None, headers, timeout())
    if _leads_on(answer):
        raise PlatformError(f"redirected more than {_MOST} times")
    return answer


def _leads_on(answer: Answer) -> bool:
    """Tell whether an answer is a redirect that says where to."""
    return answer.status in _MOVED and bool(answer.headers.get("location"))


def _headers_for(target: str, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers that another place is sent.

    Raises:
        PlatformError: the redirect gives up encryption.
    """
    new, old = urlsplit(target), urlsplit(url)
    if new[:2] == old[:2]:
        return headers
    if old.scheme == "https" and new.scheme != "https":
        raise PlatformError("redirects from https to http; expected https")
    return {name: value for name, value in headers.items() if name != "Authorization"}
