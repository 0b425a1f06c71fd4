"""Processes forked from this one: a worker from the run's, and each step's from its worker.

A fork takes milliseconds where a new Python takes a fifth of a second. It is safe only while its
parent has a single thread, and on Linux, where nothing under Python minds.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import types
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from atlas.step.leaving import leave

if TYPE_CHECKING:
    from collections.abc import Callable

_LINUX = sys.platform == "linux"
_SUBREAPER = 36
_POLL = 0.005


def is_single() -> bool:
    """Tell whether this process may be forked: no thread but this one."""
    return _LINUX and threading.active_count() == 1


def adopt_orphans() -> bool:
    """Become the parent of processes whose own parent ends; tell whether that is possible."""
    if not _LINUX:
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


# A step's process ------------------------------------------------------------------------------


def in_child(action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do something in a forked process; return what it gave, or how the process ended.

    Returns:
        What `action` returned; ``{"ended": exit code}`` when its process ended before, with the
        negative number of a signal that ended it.
    """
    memory = os.memfd_create("answer")
    try:
        pid = os.fork()
        if pid == 0:
            _act(action, memory)
        _, status = os.waitpid(pid, 0)
        os.lseek(memory, 0, os.SEEK_SET)
        with open(memory, "rb", closefd=False) as file:
            content = file.read()
    finally:
        os.close(memory)
    ended: dict[str, Any] = {"ended": os.waitstatus_to_exitcode(status)}
    return json.loads(content) if content else ended


def _act(action: Callable[[], dict[str, Any]], memory: int) -> NoReturn:
    """Do it and end as a script does; whatever happens, never return."""
    own = os.getpid()
    code = 1
    try:
        with suppress(OSError):
            # When memory runs out, the kernel is to end this process and none that others need.
            Path("/proc/self/oom_score_adj").write_text("1000")
        content = json.dumps(action()).encode()
        if os.getpid() == own:  # Else the step itself has forked, and this is its child.
            os.write(memory, content)
        code = 0
        leave(0)
    finally:
        os._exit(code)


def fresh_chances() -> None:
    """Seed numpy's global random numbers again, as Python does with its own in a forked process."""
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()


# A worker --------------------------------------------------------------------------------------


class Forked:
    """A forked worker, with as much of `subprocess.Popen` as its parent needs."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        """Take a process and this end of its pipes."""
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: IO[bytes] = os.fdopen(stdin, "wb")
        self.stdout: IO[bytes] = os.fdopen(stdout, "rb", buffering=0)
        self.stderr: IO[bytes] = os.fdopen(stderr, "rb", buffering=0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, at most some seconds.

        Raises:
            TimeoutExpired: it still runs.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            pid, status = os.waitpid(self.pid, 0 if end is None else os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif end is not None and time.monotonic() >= end:
                raise subprocess.TimeoutExpired("worker", timeout or 0)
            else:
                time.sleep(_POLL)
        return self.returncode


def fork_worker(group: int) -> Forked | None:
    """Fork a worker into a process group; None where that isn't safe."""
    if not is_single() or len(os.listdir("/proc/self/task")) > 1:
        return None
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    jobs, answers, log = os.pipe(), os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _become_worker(group, jobs[0], answers[1], log[1])
        finally:
            os._exit(1)
    with suppress(OSError):
        os.setpgid(pid, group)
    for descriptor in (jobs[0], answers[1], log[1]):
        os.close(descriptor)
    return Forked(pid, jobs[1], answers[0], log[0])


def _become_worker(group: int, jobs: int, answers: int, log: int) -> NoReturn:
    with suppress(OSError):
        os.setpgid(0, group)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor, number in ((jobs, 0), (answers, 1), (log, 2)):
        os.dup2(descriptor, number)
    _let_go_of_files()
    _forget_exits()
    from atlas.runner import worker

    # What a step starts with `multiprocessing` imports the main module: it must be this one.
    module = types.ModuleType("__main__")
    module.__dict__.update(__spec__=worker.__spec__, __file__=worker.__file__)
    sys.modules["__main__"] = module
    sys.argv = [str(worker.__file__)]
    gc.freeze()
    worker.serve()
    os._exit(0)


def _let_go_of_files() -> None:
    """Turn the run's open files into nothing; their numbers stay taken, for objects know them."""
    null = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor != null:  # noqa: PLR2004 - the standard streams
            with suppress(OSError):
                os.fstat(descriptor)
                os.dup2(null, descriptor, inheritable=False)
    os.close(null)


def _forget_exits() -> None:
    """Forget what the run is to do at its own exit."""
    atexit._clear()
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
