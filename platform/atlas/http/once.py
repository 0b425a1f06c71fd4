"""Creating what a server would take twice: looked for by its mark before it is asked for again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from atlas.errors import MalformedError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_PAUSES = (0.2, 0.5, 1.0)
"""Seconds before each time that it is looked for after an answer that says nothing."""
_BROKEN = 500


def create_once(find: Callable[[], T | None], create: Callable[[], T], *, rest: float = 0.0) -> T:
    """Create something, unless it is there; return it.

    A request whose answer was lost, or that failed inside the server, may have been carried out. So
    the thing is looked for, by a mark that it was created with, before it is asked for once more.
    A request that timed out may be carried out later: it isn't repeated here.

    Args:
        find: looks for the thing by its mark; None when it isn't there.
        create: sends the one request that creates it, with the mark.
        rest: seconds for which it is looked for after a request that timed out, so that the caller
            who tries again doesn't create it beside one that is about to appear.

    Raises:
        PlatformError: it could be neither created nor found.
    """
    for pause in (*_PAUSES, None):
        try:
            return create()
        except (UnreachableError, RefusedError, MalformedError) as error:
            if not _may_be_done(error):
                raise
            time.sleep(pause or _PAUSES[0])
            is_late = getattr(error, "timed_out", False)
            existing = _found_within(rest, find) if is_late else find()
            if existing is not None:
                return existing
            if pause is None or is_late:
                raise
    raise AssertionError  # pragma: no cover


def _found_within(seconds: float, find: Callable[[], T | None]) -> T | None:
    """Look for a thing until it is there, or time is up."""
    end = time.monotonic() + seconds
    existing = find()
    while existing is None and time.monotonic() < end:
        time.sleep(_PAUSES[-1])
        existing = find()
    return existing


def _may_be_done(error: Exception) -> bool:
    """Tell whether a request that ended so may have been carried out."""
    if isinstance(error, UnreachableError):
        return error.sent
    return isinstance(error, MalformedError) or getattr(error, "status", 0) >= _BROKEN
