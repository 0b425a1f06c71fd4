"""A guard against what never ends: far above what a busy machine takes, so no measure of speed."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONG = 60.0
"""Seconds of processor time; what is guarded takes a hundredth of it."""


@contextmanager
def ends(seconds: float = _LONG) -> Iterator[None]:
    """Fail what has used so many seconds of processor time in this process and hasn't ended."""

    def fail(*_: Any) -> None:
        raise AssertionError(f"not ended after {seconds} s of processor time")

    before = signal.signal(signal.SIGVTALRM, fail)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
