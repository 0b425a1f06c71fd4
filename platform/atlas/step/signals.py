"""Signal handlers of this process alone: a child that a step forks has those from before."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Handler: TypeAlias = "Callable[[int, Any], None]"

_ours: dict[int, tuple[Handler, Any]] = {}
"""Signal → our handler, and the one before it."""
_masks: list[set[Any]] = []
"""The signals that were blocked when a process began to fork."""


@contextmanager
def handling(handlers: Mapping[int, Handler]) -> Iterator[None]:
    """Handle signals in the main thread of this process.

    A forked child (``multiprocessing``) would inherit the handlers, and wouldn't end when its
    parent terminates it; so it gets back what was there before.

    Args:
        handlers: number of a signal → what handles it.
    """
    for number, handler in handlers.items():
        _ours[number] = (handler, signal.signal(number, handler))
    try:
        yield
    finally:
        for number in handlers:
            if number in _ours:
                signal.signal(number, _before(_ours.pop(number)))


def _hold() -> None:
    """Let no signal of ours through to a child that doesn't have its handlers back yet."""
    _masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, _ours))


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.pop())


def _restore() -> None:
    """Restore the handlers from before ours, unless a step has set its own since."""
    for number, handlers in _ours.items():
        if signal.getsignal(number) is handlers[0]:
            signal.signal(number, _before(handlers))
    _ours.clear()
    _release()


def _before(handlers: tuple[Handler, Any]) -> Any:
    """Return the handler from before; one that wasn't set by Python can't be set again."""
    return signal.SIG_DFL if handlers[1] is None else handlers[1]


os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_restore)
