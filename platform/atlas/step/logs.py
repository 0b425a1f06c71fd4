"""The log of a step, in the store beside its artifacts: where everybody finds it, on every target.

A store that is a folder is written to as the text comes. To any other the log is sent as a whole,
now and then, and at the end: a process that is killed loses the last seconds of it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.step.outlet import at_end, at_leaving, keep_output
from atlas.store import FolderLocation, unit_key

if TYPE_CHECKING:
    from atlas.step.job import Job
    from atlas.store import Location, Run

LOG = "log.txt"
"""Name of a step's log, in its folder of the store."""
LONGEST = 10 << 20
"""Most bytes of a log that are sent to a store that isn't a folder: its end."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 30.0
"""Seconds between two times that a log is sent: the longer, the longer it has grown already."""


def log_key(run: Run, step: str, index: int | None = None) -> str:
    """Return the key of the log of a step, or of one key of it."""
    return f"{unit_key(run.pipeline, run.id, step, index)}/{LOG}"


def read_log(place: Location, run: Run, step: str, index: int | None = None) -> str:
    """Return what a step has printed so far, in all its attempts; empty for nothing."""
    try:
        return place.read(log_key(run, step, index)).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def keep_log(job: Job) -> None:
    """Keep what this process prints from now on as its step's log.

    The log of a further attempt comes behind those of the attempts before it. A log that can't be
    kept is a warning: the step's work goes before it.
    """
    place, key = job.store.location, log_key(job.run, job.step.name, job.index)
    try:
        if isinstance(place, FolderLocation):
            _keep_in_folder(place, key, is_first=job.attempt == 1)
        else:
            _Sent(place, key, is_first=job.attempt == 1)
    except (OSError, StoreError) as error:
        job.logger.warning("the step's log isn't kept: %s", error)


def _keep_in_folder(place: FolderLocation, key: str, *, is_first: bool) -> None:
    with place.appending(key, truncate=is_first) as log:
        keep_output(log.fileno())


class _Sent:
    """A log that is kept in a file of this process, and sent as it grows."""

    def __init__(self, place: Location, key: str, *, is_first: bool) -> None:
        self._place, self._key = place, key
        self._file = tempfile.TemporaryFile(mode="a+b")  # noqa: SIM115 - closed at the end
        if not is_first:
            with suppress(FileNotFoundError):
                self._file.write(place.read(key))
                self._file.flush()
        self._sent = -1 if is_first else self._size()
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        keep_output(self._file.fileno())
        threading.Thread(target=self._follow, daemon=True, name="atlas-log").start()
        at_leaving(self.send)
        at_end(self.close)

    def send(self) -> None:
        """Send what there is; that it can't be sent is reported at the end."""
        with self._lock, suppress(OSError, StoreError):
            self._send()

    def close(self) -> None:
        """Send the rest; that it can't be sent is a warning."""
        self._is_over.set()
        with self._lock, self._file:
            try:
                self._send()
            except (OSError, StoreError) as error:
                sys.stderr.write(f"warning: the step's log isn't kept: {error}\n")

    def _follow(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._is_over.wait(pause):
            with self._lock, suppress(OSError, StoreError):
                if not self._is_over.is_set():
                    self._send()
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _send(self) -> None:
        """Send the log, if it has grown."""
        size = self._size()
        if size > self._sent:
            start = max(0, size - LONGEST)
            self._place.write(self._key, os.pread(self._file.fileno(), size - start, start))
            self._sent = size

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size
