"""Whether a server's clock and this machine's agree: tokens, certificates and S3 need it."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from atlas.advice import bring_up
from atlas.errors import PlatformError, UnreachableError
from atlas.http.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 60.0
"""Seconds that clocks may differ; S3 refuses requests at 15 minutes."""


def clock(name: str, url: str, now: Callable[[], float]) -> str:
    """Return how far a server's clock is from this machine's.

    Args:
        name: the service's name.
        url: its address.
        now: this machine's clock, in seconds since 1970.

    Raises:
        PlatformError: it doesn't answer, or is too far off.
    """
    before = now()
    try:
        answer = Service(name, url).send("GET", "")
    except UnreachableError as error:
        raise PlatformError(f"{error}; {bring_up('brings it back')}") from error
    after = now()
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return "unknown"
    # What is written are whole seconds.
    off = theirs - after if theirs > after else min(0.0, theirs + 1.0 - before)
    if abs(off) > _MOST:
        way = "ahead of" if off > 0 else "behind"
        raise PlatformError(
            f"{name} at {url}: its clock is {abs(off):.0f} s {way} this machine's; expected at "
            f"most {_MOST:.0f} s: set both by NTP"
        )
    return f"{abs(off):.0f} s off"
