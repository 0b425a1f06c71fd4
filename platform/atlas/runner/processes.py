"""Each step in a process of its own, forked from a warm one.

A worker is a Python process that has imported Atlas and waits for work on a pipe; it serves one
step after the other, each in a process that it forks, so that a library is imported once and no
step finds what another has left. What a step does to its process (a crash, a full memory, a hang)
is its own affair.

Each worker is in a process group of its own, led by a shell that waits for the end of a pipe. When
this process ends, however it does, the pipe ends, and the shell kills the group: nothing that a
step has started outlives the run.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas.masking import NO_MASK
from atlas.runner.forking import Forked, fork_worker
from atlas.runner.isolation import Ended, unrecorded
from atlas.runner.procs import Watch, children, end, leftovers
from atlas.runner.streams import StepLog
from atlas.step import Outcome
from atlas.step.execute import refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue

    from atlas.masking import Mask
    from atlas.step import Job

ALONE = {"alone": True}
"""What a worker answers first that runs a step itself, and ends with it."""
_GUARD = "read -r _; kill -9 0"
"""What the leader of a worker's group does: wait for the pipe's end, then kill the group."""
_TICK = 0.05
"""Seconds between two looks at the workers' memory."""
_CHUNK = 1 << 17
"""Bytes to read at once: more than a pipe holds, so that nothing written before is left in it."""
_LAST = 1.0
"""Seconds that a worker has to end by itself once it has closed its answers."""


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
            content = os.read(self.process.stderr.fileno(), _CHUNK)
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
        if self.log is not None and not self.problem:
            self._logging(self.log.close)
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
            [sys.executable, "-m", "atlas.runner.worker"],
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


class Processes:
    """Runs units in warm processes."""

    def __init__(
        self, ended: SimpleQueue[Ended], jobs: int, warm: int, echo: Callable[[Job, str], None]
    ) -> None:
        """Serve at most `jobs` units at once, get some workers ready, and `echo` lines of logs."""
        self._ended = ended
        self._echo = echo
        self._jobs = jobs
        self._selector = selectors.DefaultSelector()
        self._workers: list[Worker] = []
        self._lock = threading.RLock()
        self._wake, self._waker = os.pipe()
        self._closed = False
        self._selector.register(self._wake, selectors.EVENT_READ)
        for _ in range(warm):
            if not self._warm():
                break
        threading.Thread(target=self._listen, name="atlas-workers", daemon=True).start()

    def start(self, number: int, job: Job) -> None:
        """Start a unit in a worker that waits."""
        with self._lock:
            try:
                worker = self._idle(tuple(sorted(job.step.env.items())))
            except OSError as error:
                self._ended.put(Ended(number, _recorded(job, _unable(error), 0.0)))
                return
            worker.number, worker.job = number, job
            worker.since, worker.mask = time.monotonic(), job.mask
            worker.log = StepLog(job, partial(self._echo, job))
            worker.watch = Watch(worker.process.pid, job.step.resources.memory)
            try:
                worker.send(_message(job))
            except OSError:
                self._lost(worker)
        os.write(self._waker, b"x")

    def stop(self, number: int) -> bool:
        """End a unit by force, with all that it has started."""
        with self._lock:
            for worker in [one for one in self._workers if one.number == number]:
                self._remove(worker)
        return True

    def close(self) -> None:
        """End every worker."""
        with self._lock:
            self._closed = True
            for worker in list(self._workers):
                self._remove(worker)
        os.write(self._waker, b"x")

    # Workers ---------------------------------------------------------------------------------

    def _idle(self, env: tuple[tuple[str, str], ...]) -> Worker:
        """Return a worker that waits and has the right variables; make one when there is none."""
        waiting = [one for one in self._workers if one.number is None]
        found = next((one for one in waiting if one.env == env), None)
        if found is not None:
            return found
        if waiting and len(self._workers) >= self._jobs:
            self._remove(waiting[0])
        return self._add(env)

    def _warm(self) -> bool:
        """Get a worker ready; where the machine refuses, a step that needs one will say so."""
        try:
            self._add(())
        except OSError:
            return False
        return True

    def _add(self, env: tuple[tuple[str, str], ...]) -> Worker:
        worker = start_worker(env)
        self._workers.append(worker)
        for pipe in (worker.process.stdout, worker.process.stderr):
            self._selector.register(pipe, selectors.EVENT_READ, worker)  # type: ignore[arg-type]
        os.write(self._waker, b"x")
        return worker

    def _remove(self, worker: Worker) -> None:
        self._workers.remove(worker)
        for pipe in (worker.process.stdout, worker.process.stderr):
            with suppress(KeyError, ValueError):
                self._selector.unregister(pipe)  # type: ignore[arg-type]
        worker.close_log()
        worker.kill()

    # What workers say ------------------------------------------------------------------------

    def _listen(self) -> None:
        """Hand on what workers say, and look after their memory."""
        while True:
            with self._lock:
                busy = any(one.watch and one.watch.limit for one in self._workers)
            ready = self._selector.select(_TICK if busy else None)
            with self._lock:
                if self._closed:
                    return
                for key, _ in ready:
                    if key.data is None:
                        os.read(self._wake, 1 << 10)
                    elif key.data in self._workers:
                        self._hear(key.data, key.fileobj)
                self._look()

    def _hear(self, worker: Worker, pipe: Any) -> None:
        is_log = pipe is worker.process.stderr
        if is_log:
            if not worker.read_log():
                self._selector.unregister(pipe)
            return
        assert worker.process.stdout is not None  # noqa: S101  (it was opened with a pipe)
        content = os.read(worker.process.stdout.fileno(), _CHUNK)
        if not content:
            self._lost(worker)
            return
        *lines, worker.rest = (worker.rest + content).split(b"\n")
        for line in lines:
            self._answered(worker, json.loads(line))

    def _answered(self, worker: Worker, answer: dict[str, Any]) -> None:
        if answer == ALONE:
            if worker.watch is not None:
                worker.watch = replace(worker.watch, alone=True)
        elif "outcome" in answer:
            self._over(worker, Outcome.from_json(answer["outcome"]))
        elif worker.job is not None:
            text, seconds = _last_words(answer["ended"]), time.monotonic() - worker.since
            self._over(worker, _recorded(worker.job, text, seconds))

    def _over(self, worker: Worker, outcome: Outcome) -> None:
        problem = worker.close_log()
        if problem and worker.job is not None:
            outcome = _recorded(worker.job, problem, time.monotonic() - worker.since)
        number, worker.number, worker.job, worker.watch = worker.number, None, None, None
        if leftovers(worker.process.pid):
            self._replace(worker)
        if number is not None:
            self._ended.put(Ended(number, outcome))

    def _lost(self, worker: Worker, why: str = "") -> None:
        """Deal with a worker that is gone: its step has failed."""
        number, job = worker.number, worker.job
        if not why:
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(_LAST)
        self._replace(worker)
        if number is not None and job is not None:
            text = why or _last_words(worker.process.returncode)
            seconds = time.monotonic() - worker.since
            self._ended.put(Ended(number, _recorded(job, text, seconds)))

    def _replace(self, worker: Worker) -> None:
        self._remove(worker)
        if not self._closed:
            self._warm()

    def _look(self) -> None:
        """End workers whose steps use more memory than they asked for."""
        for worker in list(self._workers):
            excess = worker.watch.excess() if worker.watch else ""
            if excess:
                self._lost(worker, excess)


def _message(job: Job) -> dict[str, Any]:
    """Return what a worker is told of a job."""
    return {
        "store": job.store.url,
        "plan": job.plan.digest,
        "run": job.run.to_json(),
        "step": job.step.name,
        "class": job.step.cls,
        "folder": str(job.folder),
        "index": job.index,
        "use_cache": job.use_cache,
        "previous": job.previous,
        "adopt": job.adopt,
        "attempt": job.attempt,
    }


def _recorded(job: Job, text: str, seconds: float) -> Outcome:
    try:
        return refuse(job, text, seconds)
    except Exception as error:
        return unrecorded(job, f"{text}; {error}")


def _unable(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    hint = "lower --jobs, or raise the limits of files and processes (ulimit -n, ulimit -u)"
    return f"its process can't be started: {reason} ({hint})"


def _last_words(code: int | None) -> str:
    """Say how a process ended."""
    if code is None or code >= 0:
        return f"its process ended by itself, with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hints = {"SIGSEGV": "a library crashed", "SIGKILL": "perhaps for lack of memory"}
    hint = f" ({hints[name]})" if name in hints else ""
    return f"its process was ended by {name}{hint}"
