"""The line on a terminal that shows that a long command works, for how long, and until when.

It is drawn where nothing else stands: what a command prints goes through here, takes the line away
first, and may leave the cursor within a line of its own, where nothing is drawn then.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from atlas_cli import durations
from atlas_cli.colours import DIM, paint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

_CLEAR = "\r\033[K"
_EVERY = 1.0
_BAR = 20
OTHERWISE = ("run", "train", "start", "backfill", "reproduce", "retrain", "test", "open")
"""Commands that show what they do in their own way."""
_HANDING_OVER = ("serve", "ephemeral", "each", "sign", "install")
"""Parameters that give the terminal to somebody else."""


def is_wanted(name: str, params: Mapping[str, Any]) -> bool:
    """Tell whether a call shows the line: somebody sees it, and nothing else has the terminal."""
    handed_over = any(params.get(one) for one in _HANDING_OVER)
    return name not in OTHERWISE and not handed_over and sys.stderr.isatty()


def timed(name: str, params: Mapping[str, Any], work: Callable[[], Any]) -> Any:
    """Do the work of a call that somebody waits for; keep how long it took, if it is done."""
    key, begin = durations.key_of(sys.argv[1:]), time.monotonic()
    if is_wanted(name, params):
        ticker = Ticker(name, key, sys.stderr)
        ticker.start()
        try:
            result = work()
        finally:
            ticker.stop()
    else:
        result = work()
    durations.remember(key, time.monotonic() - begin)
    return result


def described(seconds: float, usual: float | None) -> str:
    """Return how long something has taken, and how long it may still take.

    Args:
        seconds: since it began.
        usual: what it usually takes in all, in seconds; None where nobody knows.
    """
    if usual is None:
        return _spoken(seconds)
    if seconds > usual:
        return f"{_spoken(seconds)}, longer than usual ({_spoken(usual)})"
    bar = ("#" * int(_BAR * seconds / usual)).ljust(_BAR, ".")
    return f"[{bar}] {_spoken(seconds)}, about {_spoken(usual - seconds)} left"


def fitted(line: str) -> str:
    """Return as much of a line as a terminal shows without a second one."""
    return line[: shutil.get_terminal_size().columns - 1]


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Ticker:
    """Draws the line once a second, from `durations.LEAST` seconds on, until it is stopped."""

    def __init__(self, name: str, key: str, out: TextIO) -> None:
        """Draw on a terminal.

        Args:
            name: the command's.
            key: of the call, for `durations.usual`.
            out: the terminal.
        """
        self._name, self._key, self._out = name, key, out
        self._begin = time.monotonic()
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._is_drawn, self._is_between = False, True
        self._streams = (sys.stdout, sys.stderr)
        self._thread = threading.Thread(target=self._tick, name="ticker", daemon=True)

    def start(self) -> None:
        """Draw from now on; what is printed to a terminal goes through here."""
        os.register_at_fork(after_in_child=self._leave_to_parent)
        sys.stdout, sys.stderr = (
            _TickedStream(one, self) if one.isatty() else one for one in self._streams
        )
        self._thread.start()

    def stop(self) -> None:
        """Take the line away, for good."""
        self._ended.set()
        self._thread.join()
        self._clear()
        sys.stdout, sys.stderr = self._streams

    def write(self, stream: TextIO, text: str) -> int:
        """Print a text of the command."""
        with self._lock:
            self._clear()
            if text:
                self._is_between = text.endswith("\n")
            return stream.write(text)

    def _leave_to_parent(self) -> None:
        """Draw nothing in a fork: it has no such thread, and its lock may be taken for ever."""
        if not self._ended.is_set():
            self._lock = threading.RLock()
            sys.stdout, sys.stderr = self._streams

    def _tick(self) -> None:
        if self._ended.wait(durations.LEAST):
            return
        usual = durations.usual(self._key)
        while not self._ended.wait(_EVERY):
            line = fitted(f"{self._name}: {described(time.monotonic() - self._begin, usual)}")
            with self._lock:
                if self._is_between and not self._ended.is_set():
                    self._put(f"{_CLEAR}{paint(line, DIM, on=self._out)}")
                    self._is_drawn = True

    def _clear(self) -> None:
        with self._lock:
            if self._is_drawn:
                self._put(_CLEAR)
                self._is_drawn = False

    def _put(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


class _TickedStream:
    """A stream to a terminal that the line is on, too."""

    def __init__(self, stream: TextIO, ticker: Ticker) -> None:
        self._stream, self._ticker = stream, ticker

    def write(self, text: str) -> int:
        return self._ticker.write(self._stream, text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
