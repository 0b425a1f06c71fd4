"""Run a module as a program that ends as soon as its work is done: ``quick_exit MODULE ARGUMENT…``.

At its end, Python takes every object apart, one by one. Of a large server this is 1 to 2 seconds of
a core in which nothing happens any more; five servers that are stopped at once wait for each other.
Threads, exit handlers and buffers are ended as always; the memory is left to the system.

A program whose supervisor was killed ends with its whole process group: there is nobody left to end
it. Airflow's scheduler would wait for its workers then, and they for tasks, without end.
"""

from __future__ import annotations

import atexit
import os
import runpy
import signal
import sys
from contextlib import suppress

_UNUSUAL = 1
_INTERRUPTED = 130


class _Exit:
    """The last exit handler of this process; of its forks it is none."""

    def __init__(self) -> None:
        self.code = 0
        self._pid = os.getpid()

    def __call__(self) -> None:
        """End the process, after its output is written."""
        if os.getpid() != self._pid:
            return
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(self.code)


class _Orphan:
    """The finalizer that ends the process group of a program whose supervisor is gone."""

    def __init__(self) -> None:
        self._pid, self._parent = os.getpid(), os.getppid()

    def __call__(self) -> None:
        """Kill the group that this process leads, unless its parent is still there."""
        leads = os.getpgrp() == os.getpid() == self._pid
        if leads and os.getppid() != self._parent:
            os.killpg(self._pid, signal.SIGKILL)


def main() -> None:
    """Run the module that the first argument names, with the others for its own."""
    leave = _Exit()
    # What is registered first runs last: multiprocessing registers its own handler on import.
    atexit.register(leave)
    from multiprocessing.util import Finalize

    # Finalizers run before it waits for its processes.
    Finalize(None, _Orphan(), exitpriority=0)
    sys.argv = sys.argv[1:]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        leave.code = _code(end.code)
        raise
    except KeyboardInterrupt:
        leave.code = _INTERRUPTED
        raise
    except BaseException:
        leave.code = _UNUSUAL
        raise


def _code(given: object) -> int:
    """Return the exit code that Python makes of an argument of `sys.exit`."""
    if given is None:
        return 0
    return given & 0xFF if isinstance(given, int) else _UNUSUAL


if __name__ == "__main__":
    main()
