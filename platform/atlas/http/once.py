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


def create_once(find: Callable[[], T | None], create: Callable[[], T]) -> T:
    """Create something, unless it is there; return it.

    A request whose answer was lost, or that failed inside the server, may have been carried out. So
    the thing is looked for, by a mark that it was created with, before it is asked for once more.
    A request that timed out may be carried out later: it isn't repeated here.

    Args:
        find: looks for the thing by its mark; None when it isn't there.
        create: sends the one request that creates it, with the mark.

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
            found = find()
            if found is not None:
                return found
            if pause is None or getattr(error, "timed_out", False):
                raise
    raise AssertionError  # pragma: no cover


def _may_be_done(error: Exception) -> bool:
    """Tell whether a request that ended so may have been carried out."""
    if isinstance(error, UnreachableError):
        return error.sent
    return isinstance(error, MalformedError) or getattr(error, "status", 0) >= _BROKEN
