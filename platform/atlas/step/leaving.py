"""The end of a process that has run a step: as a script ends."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

_LINGER = 10.0
"""Seconds that a step's process may take to end, once the step is over."""


def leave(code: int, last: Callable[[], Any] = bool, first: Callable[[], Any] = bool) -> NoReturn:
    """End this process as Python ends a script: its threads and what is to run at its exit first.

    Args:
        code: the exit code.
        last: what is done at the very end. When the rest takes longer than `_LINGER`, it is ended,
            for the step is over.
        first: what is done before anything of Python is shut down.
    """
    late = threading.Timer(_LINGER, _too_late, (code, last))
    late.daemon = True
    late.start()
    with suppress(Exception):
        first()
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    with suppress(BaseException):
        atexit._run_exitfuncs()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    last()
    os._exit(code)


def _too_late(code: int, last: Callable[[], Any]) -> None:
    names = [thread.name for thread in threading.enumerate() if not thread.daemon and thread.ident]
    what = ", ".join(name for name in names if name != "MainThread") or "an exit handler"
    text = f"warning: the step is done, and {what} still runs after {_LINGER:g} s: ended\n"
    os.write(2, text.encode())
    last()
    os._exit(code)
