"""Signals that ask a run to end: put into its queue, so that they never cut through its work."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.step.signals import handling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Somebody asks for the end of the run.

    Attributes:
        at_once: whether what runs is to be ended, rather than waited for.
    """

    at_once: bool = False


@contextmanager
def interruptible(say: Callable[[Interrupt], None]) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into an `Interrupt`, in the main thread; elsewhere they stay as is.

    A third SIGINT is a KeyboardInterrupt, wherever the program is by then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    count = 0

    def interrupt(number: int, frame: Any) -> None:
        nonlocal count
        count += 1
        if count > 2:  # noqa: PLR2004
            raise KeyboardInterrupt
        say(Interrupt())

    def terminate(number: int, frame: Any) -> None:
        say(Interrupt(at_once=True))

    with handling({signal.SIGINT: interrupt, signal.SIGTERM: terminate}):
        yield
