"""Waiting for something to come true, by a clock that a test can replace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is, and how to let some of it pass.

    Attributes:
        now: returns a moment in seconds; only differences mean anything.
        sleep: takes seconds and returns after them, or earlier when the wait should be cut short.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep


CLOCK: Final = Clock()


def wait_until(ask: Callable[[], _T], seconds: float, pause: float, clock: Clock = CLOCK) -> _T:
    """Ask until the answer is true or the time is over, at least once.

    Args:
        ask: what is asked.
        seconds: how long it may take.
        pause: seconds between two questions.
        clock: what measures both.

    Returns:
        The last answer: a true one, unless the time is over.
    """
    end = clock.now() + seconds
    while not (answer := ask()) and clock.now() < end:
        clock.sleep(pause)
    return answer


def wait_while(ask: Callable[[], _T], seconds: float, pause: float, clock: Clock = CLOCK) -> _T:
    """Ask until the answer is false or the time is over, at least once; return the last answer."""
    end = clock.now() + seconds
    while (answer := ask()) and clock.now() < end:
        clock.sleep(pause)
    return answer
