"""Each step in a process of its own, forked from a warm one.

A worker is a Python process that has imported Atlas and waits for work on a pipe; it serves one
step after the other, each in a process that it forks, so that a library is imported once and no
step finds what another has left. What a step does to its process (a crash, a full memory, a hang)
is its own affair.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from atlas.runner.isolation import UnitEnd, unrecorded
from atlas.runner.procs import Watch, leftovers
from atlas.runner.streams import StepLog
from atlas.runner.workers import ALONE, CHUNK, Worker, start_worker
from atlas.step import Outcome
from atlas.step.execute import refuse
from atlas.step.lost import lost

if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue

    from atlas.step import Job

_TICK = 0.05
"""Seconds between two looks at the workers' memory."""
_LAST = 1.0
"""Seconds that a worker has to end by itself once it has closed its answers."""


class Processes:
    """Runs units in warm processes."""

    def __init__(
        self, ended: SimpleQueue[UnitEnd], jobs: int, warm: int, echo: Callable[[Job, str], None]
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
                self._ended.put(UnitEnd(number, _recorded(job, _unable(error), 0.0)))
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
            for worker in [worker for worker in self._workers if worker.number == number]:
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
        waiting = [worker for worker in self._workers if worker.number is None]
        worker = next((worker for worker in waiting if worker.env == env), None)
        if worker is not None:
            return worker
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
                busy = any(worker.watch and worker.watch.limit for worker in self._workers)
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
        content = os.read(worker.process.stdout.fileno(), CHUNK)
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
            self._over(worker, _recorded(worker.job, text, seconds, lost))

    def _over(self, worker: Worker, outcome: Outcome) -> None:
        problem = worker.close_log()
        if problem and worker.job is not None:
            outcome = _recorded(worker.job, problem, time.monotonic() - worker.since)
        number, worker.number, worker.job, worker.watch = worker.number, None, None, None
        if leftovers(worker.process.pid):
            self._replace(worker)
        if number is not None:
            self._ended.put(UnitEnd(number, outcome))

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
            self._ended.put(UnitEnd(number, _recorded(job, text, seconds, lost)))

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
    """Return a job as a message to a worker."""
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


def _recorded(
    job: Job, text: str, seconds: float, write: Callable[[Job, str, float], Outcome] = refuse
) -> Outcome:
    try:
        return write(job, text, seconds)
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
