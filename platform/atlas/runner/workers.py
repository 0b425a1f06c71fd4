"""A worker as its parent sees it: a process that serves steps, its pipes, and its step's log.

Each worker is in a process group of its own, led by a shell that waits for the end of a pipe. When
this process ends, however it does, the pipe ends, and the shell kills the group: nothing that a
step has started outlives the run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.masking import NO_MASK
from atlas.runner.forking import Forked, fork_worker
from atlas.runner.procs import children, end

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.masking import Mask
    from atlas.runner.procs import Watch
    from atlas.runner.streams import StepLog
    from atlas.step import Job

ALONE = {"alone": True}
"""What a worker answers first that runs a step itself, and ends with it."""
CHUNK = 1 << 17
"""Bytes to read at once: more than a pipe holds, so that nothing written before is left in it."""
_GUARD = "read -r _; kill -9 0"
"""What the leader of a worker's group does: wait for the pipe's end, then kill the group."""


@dataclass
class Worker:
    """One process that serves steps.

    Attributes:
        process: the Python process, forked or started.
        guard: the shell that leads its group.
        env: variables that it was started with for its steps.
        number: the unit that it serves, or None.
        job: that unit's job.
        watch: looks after that unit's memory.
        since: when that unit was started, by the clock that never goes backwards.
        rest: the beginning of an answer whose end isn't there yet.
        log: that unit's log.
        problem: why that log can't be written, or empty.
        mask: hides the secrets of the last job, of which something may still run.
    """

    process: Forked | subprocess.Popen[bytes]
    guard: subprocess.Popen[bytes]
    env: tuple[tuple[str, str], ...]
    number: int | None = None
    job: Job | None = None
    watch: Watch | None = None
    since: float = 0.0
    rest: bytes = b""
    log: StepLog | None = None
    problem: str = ""
    mask: Mask = NO_MASK

    def send(self, message: dict[str, Any]) -> None:
        """Give it work."""
        assert self.process.stdin is not None  # noqa: S101  (it was opened with a pipe)
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def read_log(self) -> bool:
        """Write what its step has printed to the log; tell whether more may come."""
        assert self.process.stderr is not None  # noqa: S101  (it was opened with a pipe)
        try:
            content = os.read(self.process.stderr.fileno(), CHUNK)
        except BlockingIOError:
            return True
        if self.log is None:
            os.write(2, self.mask.text(content.decode("utf-8", "replace")).encode())
        elif not self.problem:
            self._logging(partial(self.log.write_bytes, content))
        return bool(content)

    def close_log(self) -> str:
        """Write the rest of its step's log; return why that can't be written, or nothing."""
        self.read_log()
        if self.log is not None:
            if not self.problem:
                self._logging(self.log.close)
            self.log.abandon()
        problem, self.log, self.problem = self.problem, None, ""
        return problem

    def _logging(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (AtlasError, OSError) as error:
            self.problem = f"its log can't be written: {error}"

    def kill(self) -> None:
        """End it, with all that its step has started."""
        away = children(self.process.pid)
        with suppress(ProcessLookupError):
            os.killpg(self.guard.pid, signal.SIGKILL)
        end(away)
        self.process.wait()
        self.guard.wait()
        for pipe in (*self._pipes(), self.guard.stdin):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _pipes(self) -> tuple[IO[bytes] | None, ...]:
        return self.process.stdin, self.process.stdout, self.process.stderr


def start_worker(env: tuple[tuple[str, str], ...]) -> Worker:
    """Start a worker, which gets ready while others work."""
    pipe = subprocess.PIPE
    guard = subprocess.Popen(  # noqa: S603  (our own shell)
        ["/bin/sh", "-c", _GUARD], stdin=pipe, process_group=0
    )
    try:
        process = (None if env else fork_worker(guard.pid)) or subprocess.Popen(
            [sys.executable, "-P", "-m", "atlas.runner.worker"],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            process_group=guard.pid,
            env={**os.environ, **dict(env)},
        )
    except OSError:
        guard.communicate()  # Its pipe's end is its own end, and that of its group.
        raise
    os.set_blocking(process.stderr.fileno(), False)  # type: ignore[union-attr]
    return Worker(process, guard, env)
