"""Step logs: what a step prints or logs goes to its own file, whoever runs beside it.

Secrets are masked here, once, on the way into a log: whatever a step runs in, its text comes by.

In one process, ``sys.stdout`` and ``sys.stderr`` are replaced by streams that look which step the
calling thread runs. A thread that a step has started itself isn't known, and prints to stderr.
"""

from __future__ import annotations

import codecs
import io
import logging
import os
import sys
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Protocol, TextIO, cast

from atlas.masking import NO_MASK
from atlas.step.logs import LONGEST, log_key
from atlas.store import FolderLocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from atlas.masking import Mask
    from atlas.step import Job


_current = threading.local()


class Log(Protocol):
    """Takes what a step prints or logs."""

    def write(self, text: str) -> None:
        """Add text."""

    def close(self) -> None:
        """Write what isn't written yet."""


class StepLog:
    """The log of one step: opened when something is first written, complete after every line."""

    def __init__(self, job: Job, echo: Callable[[str], None]) -> None:
        """Log for a job, and give each whole line to `echo` too."""
        self._job = job
        self._echo = echo
        self._file: io.TextIOBase | None = None
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._masked = job.mask.stream()
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Add text."""
        with self._lock:
            lines = self._add(self._masked.feed(text))
        for line in lines:
            self._echo(line)

    def _add(self, text: str) -> list[str]:
        """Write text that may be shown, and return the lines that are whole by it."""
        if self._file is None:
            self._file = self._open()
        self._file.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        return lines

    def write_bytes(self, content: bytes) -> None:
        """Add text as bytes, which may end within a character; what isn't UTF-8 is replaced."""
        if text := self._decoder.decode(content):
            self.write(text)

    def close(self) -> None:
        """Write the rest, and hand the log to a store that isn't a folder."""
        if self._file is None:
            return
        try:
            self._add(self._masked.close())
            if self._rest:
                self._echo(self._rest)
            if isinstance(self._file, io.StringIO):
                text = self._file.getvalue()[-LONGEST:]
                self._job.store.location.write(self._key(), text.encode("utf-8", "replace"))
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close the log without its rest: what can't be written, or is written already."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _key(self) -> str:
        return log_key(self._job.run, self._job.step.name, self._job.index)

    def _open(self) -> Any:
        place = self._job.store.location
        if not isinstance(place, FolderLocation):
            return io.StringIO()
        raw = place.appending(self._key())
        return io.TextIOWrapper(raw, "utf-8", "replace", line_buffering=True)


class PassedLog:
    """The log of a step that another process keeps: text goes to it through a pipe."""

    def __init__(self, pipe: int) -> None:
        """Write to a descriptor."""
        self._pipe = pipe

    def write(self, text: str) -> None:
        """Hand text on."""
        rest = text.encode("utf-8", "replace")
        while rest:
            rest = rest[os.write(self._pipe, rest) :]

    def close(self) -> None:
        """Do nothing: all is written."""


class _Handler(logging.Handler):
    """Writes log records to a step's log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.log.write(f"{self.format(record)}\n")


def logger_for(log: Log, step: str) -> logging.Logger:
    """Return the logger that a step is given: its records go to its log only."""
    logger = logging.Logger(f"atlas.step.{step}", logging.DEBUG)
    logger.addHandler(_Handler(log))
    return logger


@contextmanager
def writing_to(log: Log) -> Iterator[None]:
    """Send what this thread prints to a step's log."""
    _current.log = log
    try:
        yield
    finally:
        _current.log = None


class _Stream(io.TextIOWrapper):
    """Stands in for ``sys.stdout`` or ``sys.stderr`` while steps run, as what these mostly are."""

    def __init__(self, fallback: TextIO, mask: Mask) -> None:
        self._sink = _Sink(fallback, mask)
        super().__init__(cast("IO[bytes]", self._sink), "utf-8", "replace", write_through=True)
        self._sink.stream = self

    def close(self) -> None:
        """Stay open, for the steps that come after one that closes it."""
        self.flush()

    def end(self) -> None:
        """Write what was held back, in case it was the beginning of a secret."""
        self._sink.end()


class _Sink(io.RawIOBase):
    """Takes the bytes of a standard stream, to the log of the step that the thread runs."""

    stream: _Stream

    def __init__(self, fallback: TextIO, mask: Mask) -> None:
        self._fallback = fallback
        self._masked = mask.stream()
        self._lock = threading.Lock()

    def write(self, content: Any) -> int:
        """Write bytes as text; what can't be decoded is replaced."""
        data = bytes(content)
        text = data.decode(self.stream.encoding, "replace")
        log = getattr(_current, "log", None)
        if log is not None:
            log.write(text)
            return len(data)
        with self._lock:
            self._fallback.write(self._masked.feed(text))
        return len(data)

    def flush(self) -> None:
        """Flush what isn't a step's."""
        self._fallback.flush()

    def end(self) -> None:
        """Write what was held back."""
        with self._lock:
            self._fallback.write(self._masked.close())

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def fileno(self) -> int:
        """Return the fallback's descriptor, for programs that steps start."""
        return self._fallback.fileno()


@contextmanager
def captured(mask: Mask = NO_MASK) -> Iterator[None]:
    """Replace the standard streams by those that know the steps.

    Args:
        mask: hides secrets in what is printed by no step that is known.
    """
    before = sys.stdout, sys.stderr
    streams = _Stream(before[1], mask), _Stream(before[1], mask)
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in streams:
            stream.end()
