"""What a step's own process prints, without secrets: by Python, by a C library, by its children.

File descriptors 1 and 2 become pipes, which a small child process reads; it masks what comes and
writes it where it would have gone, and to the step's log, once there is one. The step stays the
process that was started: signals, its pid and its process group are as they were, and the child
ends when nobody holds the pipes any more.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from atlas.masking import Mask, MaskedText

_CHUNK = 1 << 16
_PAUSE = 500
"""Milliseconds without output after which the few characters that are held back are shown."""
_PATIENCE = 30.0
"""Seconds that the child may take to write what a step has printed before its end."""
_KEEP, _SYNC, _END = b"k", b"s", b"x"
"""Messages to the child: to write to the file that comes along, too; to write all that is in the
pipes, and say so; that the step is over."""


class _Outlet:
    """The pipes, and the way back from them."""

    def __init__(self, mask: Mask) -> None:
        """Put a child process that masks behind the standard descriptors."""
        _flush()
        self._before = {number: os.dup(number) for number in (1, 2)}
        same = os.path.sameopenfile(1, 2)
        pipes = [os.pipe()] if same else [os.pipe(), os.pipe()]
        ours, theirs = socket.socketpair()
        with warnings.catch_warnings():
            # The child runs nothing but the loop below, whatever threads there are.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            ours.close()
            _serve(mask, pipes, [self._before[1], self._before[2]], theirs)
        theirs.close()
        self._control = ours
        self._control.settimeout(_PATIENCE)
        for number, (_, writer) in zip((1, 2), [pipes[0], pipes[-1]], strict=True):
            os.dup2(writer, number)
        for reader, writer in pipes:
            os.close(reader)
            os.close(writer)

    def keep(self, log: int) -> None:
        """Write what comes from now on to a file, too."""
        _flush()
        with suppress(OSError):
            socket.send_fds(self._control, [_KEEP], [log])

    def sync(self) -> None:
        """Wait until all that was printed so far is written."""
        _flush()
        with suppress(OSError):
            self._control.sendall(_SYNC)
            self._control.recv(1)

    def close(self) -> None:
        """Put the descriptors back, once all that was printed is written."""
        _flush()
        for number, before in self._before.items():
            os.dup2(before, number)
            os.close(before)
        with suppress(OSError):
            self._control.sendall(_END)
            self._control.recv(1)
        self._control.close()


_open: list[_Outlet] = []
_endings: list[Callable[[], None]] = []
_leavings: list[Callable[[], None]] = []


@contextmanager
def masked_output(mask: Mask, *, is_kept: bool = False) -> Iterator[None]:
    """Mask what this process and its children print, for as long as it lasts.

    Args:
        mask: the secrets; without any nothing is done, unless the output is kept.
        is_kept: whether `keep_output` will say where.
    """
    if not mask and not is_kept:
        yield
        return
    _open.append(_Outlet(mask))
    try:
        yield
    finally:
        settle()


def keep_output(log: int) -> None:
    """Write what is printed from now on to a file, too; within `masked_output` only.

    Args:
        log: an open descriptor, which stays the caller's.
    """
    for outlet in _open:
        outlet.keep(log)


def settle() -> None:
    """Wait until all that was printed is written; before a process ends without its `finally`."""
    _flush()
    while _open:
        _open.pop().close()
    while _endings:
        _endings.pop()()


def catch_up() -> None:
    """Wait until what was printed so far is written, and hand it on; before Python shuts down.

    Once it does, nothing can be sent any more by a client that needs threads.
    """
    for outlet in _open:
        outlet.sync()
    for action in _leavings:
        action()


def at_leaving(action: Callable[[], None]) -> None:
    """Do something whenever `catch_up` has seen to it that what was printed is written."""
    _leavings.append(action)


def at_end(action: Callable[[], None]) -> None:
    """Do something once all that was printed is written."""
    _endings.append(action)


def _serve(
    mask: Mask, pipes: list[tuple[int, int]], targets: list[int], control: socket.socket
) -> None:
    """Be the child: mask and write until the pipes' ends."""
    code = 1
    try:
        for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(kind, signal.SIG_IGN)
        for _, writer in pipes:
            os.close(writer)
        readers = [reader for reader, _ in pipes]
        _Pump(mask, dict(zip(readers, targets, strict=False)), control).run()
        code = 0
    finally:
        os._exit(code)


class _Pump:
    """Reads pipes, and writes what comes without secrets."""

    def __init__(self, mask: Mask, targets: dict[int, int], control: socket.socket) -> None:
        self._targets = targets
        self._streams: dict[int, MaskedText] = {
            target: mask.of_bytes.stream() for target in targets
        }
        self._control: socket.socket | None = control
        self._log: int | None = None

    def run(self) -> None:
        """Go on until the pipes' ends."""
        while self._targets:
            ready = self._ready(_PAUSE)
            if not ready:
                for pipe, stream in self._streams.items():
                    self._write(pipe, stream.release())
            if self._control is not None and self._control.fileno() in ready:
                self._heed(self._control)  # First: a message was sent before what is to be read.
            else:
                self._read(ready)

    def _ready(self, milliseconds: int) -> set[int]:
        poll = select.poll()
        for pipe in self._targets:
            poll.register(pipe, select.POLLIN)
        if self._control is not None:
            poll.register(self._control, select.POLLIN)
        held = any(stream.holds for stream in self._streams.values())
        return {
            descriptor
            for descriptor, _ in poll.poll(milliseconds if held or not milliseconds else None)
        }

    def _read(self, ready: set[int]) -> None:
        for pipe in ready & self._targets.keys():
            content = os.read(pipe, _CHUNK)
            if content:
                self._write(pipe, self._streams[pipe].feed(content.decode("latin-1")))
            else:
                self._end(pipe)

    def _end(self, pipe: int) -> None:
        self._write(pipe, self._streams.pop(pipe).close())
        del self._targets[pipe]

    def _heed(self, control: socket.socket) -> None:
        """Handle a message of the step's process; when it is gone, the step is over."""
        try:
            message, files, *_ = socket.recv_fds(control, 1, 1)
        except OSError:
            message, files = _END, []
        if message == _KEEP:
            self._log = files[0] if files else None
        elif message == _SYNC:
            self._drain()
            with suppress(OSError):
                control.sendall(_SYNC)
        else:
            self._settle(control)

    def _drain(self) -> None:
        """Write all that is in the pipes."""
        while ready := self._ready(0) & self._targets.keys():
            self._read(ready)
        for pipe, stream in self._streams.items():
            self._write(pipe, stream.release())

    def _settle(self, control: socket.socket) -> None:
        """Write all that is in the pipes, and say so to the step's process, which ends."""
        while ready := self._ready(0) & self._targets.keys():
            self._read(ready)
        for pipe, stream in self._streams.items():
            self._write(pipe, stream.close())
        self._control = None
        with suppress(OSError):
            control.sendall(_END)
        control.close()

    def _write(self, pipe: int, text: str) -> None:
        content = text.encode("latin-1")
        if self._log is not None:
            self._keep(self._log, content)
        _write_all(self._targets[pipe], content)

    def _keep(self, log: int, content: bytes) -> None:
        """Write to the log; a disk that is full ends the log, and not the step."""
        try:
            _write_all(log, content)
        except OSError as error:
            self._log = None
            with suppress(OSError):
                _write_all(2, f"warning: the step's log isn't kept: {error.strerror}\n".encode())


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
