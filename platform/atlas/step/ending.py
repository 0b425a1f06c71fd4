"""How a step's own process ends before its time: asked to by a signal, or for it takes too long."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from atlas.step.lost import lost
from atlas.step.outlet import settle
from atlas.step.signals import handling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.step.job import Job


@contextmanager
def ending(job: Job) -> Iterator[None]:
    """Record why a step's process ends, while it runs: SIGTERM, or the step's timeout.

    Targets end a step that takes too long, too, where they can; this holds on all of them.
    """
    timeout = job.step.timeout
    timer = threading.Timer(timeout or 0, _expire, (job, timeout)) if timeout else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        with handling({signal.SIGTERM: _interrupt}):
            yield
    finally:
        if timer is not None:
            timer.cancel()


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _expire(job: Job, timeout: float) -> None:
    """Record that the step took too long, and end the process: the step can't be ended alone."""
    text = f"timed out after {timeout:g} s"
    with suppress(Exception):
        lost(job, text, timeout)
    sys.stderr.write(f"error: step {job.step.name}: {text}\n")
    settle()
    os._exit(1)
