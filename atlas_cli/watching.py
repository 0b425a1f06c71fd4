"""What a run looks like on a terminal, in a log, and as JSON."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, TextIO

from atlas.runner import events
from atlas_cli import durations
from atlas_cli.colours import BOLD, DIM, GREEN, RED, YELLOW, paint
from atlas_cli.ticker import described, fitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.runner import Event

_CLEAR = "\r\033[K"


def own_stdout() -> TextIO:
    """Return stdout for this program alone; whatever else writes to descriptor 1 goes to stderr.

    Steps may print, and so may the libraries under them, past Python: what they write must not
    stand between the lines of `--json`.
    """
    sys.stdout.flush()
    own = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", buffering=1)
    os.dup2(2, 1)
    return own


def watcher(out: TextIO, *, as_json: bool, several: bool) -> Callable[[Event], None]:
    """Return what prints the events of runs.

    Args:
        out: where to.
        as_json: one JSON object a line in place of words.
        several: whether there is more than one run, so that each line must say whose it is.
    """
    if as_json:
        return lambda event: print(json.dumps(event.to_json(), ensure_ascii=False), file=out)
    return Lines(out, several=several)


class Lines:
    """Prints a line for each step that is over, and on a terminal what runs now."""

    def __init__(self, out: TextIO, *, several: bool) -> None:
        """Print to `out`."""
        self._out = out
        self._several = several
        self._live = out.isatty()
        self._running: dict[str, float] = {}
        self._progress: dict[str, tuple[int, int]] = {}
        self._begin = time.monotonic()
        self._lock = threading.Lock()
        if self._live:
            self._usual = durations.usual(durations.key_of(sys.argv[1:]))
            threading.Thread(target=self._tick, name="status", daemon=True).start()

    def __call__(self, event: Event) -> None:
        """Print an event."""
        shown = _SHOWN.get(event.kind)
        with self._lock:
            self._count(event)
            line = shown(self, event) if shown else ""
            self._print(line)

    def _tick(self) -> None:
        """Print once a second what runs now."""
        while True:
            time.sleep(1.0)
            with self._lock:
                if self._running:
                    self._print("")

    def _count(self, event: Event) -> None:
        self._progress[event.run] = (event.done, event.total)
        name = _unit(event)
        if event.kind == events.STEP_STARTED:
            self._running[name] = time.monotonic()
        elif event.kind != events.LOG:
            self._running.pop(name, None)

    def _print(self, line: str) -> None:
        text = f"{line}\n" if line else ""
        if self._live:
            text = f"{_CLEAR}{text}{self._status()}"
        if text:
            self._out.write(text)
            self._out.flush()

    def _status(self) -> str:
        """Return the line that shows what runs now."""
        if not self._running:
            return ""
        done = sum(done for done, _ in self._progress.values())
        total = sum(total for _, total in self._progress.values())
        names = ", ".join(list(self._running)[:3]) + ("…" if len(self._running) > 3 else "")  # noqa: PLR2004
        time_of_all = described(time.monotonic() - self._begin, self._usual)
        return fitted(f"[{done}/{total}] {time_of_all}  {names}")

    def _painted(self, text: str, *codes: str) -> str:
        return paint(text, *codes, on=self._out)

    def _started(self, event: Event) -> str:
        resumed = f", {event.text}" if event.text else ""
        return f"{event.pipeline} {event.flow}: run {event.run}{resumed}"

    def _done(self, event: Event) -> str:
        outcome = event.outcome
        if outcome is None:
            return ""
        how = (
            self._painted(f"{'cached':8}", DIM)
            if outcome.cached
            else self._painted(f"{'done':8}", GREEN)
        )
        why = event.text or (f"from {outcome.reason.rpartition('/')[2]}" if outcome.cached else "")
        why = why or f"not cached: {outcome.reason}"
        found = (note for note in outcome.notes if note.startswith("data."))
        warnings = "".join(f"\n      {self._painted('warning', YELLOW)} {note}" for note in found)
        return f"{self._place(event)}{how}{outcome.seconds:8.3f} s  {why}{warnings}"

    def _failed(self, event: Event) -> str:
        outcome = event.outcome
        if outcome is None:
            return ""
        attempts = f" after {outcome.attempts} attempts" if outcome.attempts > 1 else ""
        failed = self._painted(f"{'FAILED':8}", RED, BOLD)
        line = f"{self._place(event)}{failed}{outcome.seconds:8.3f} s  {outcome.error}{attempts}"
        return f"{line}\n{_indented(outcome.traceback)}".rstrip()

    def _retried(self, event: Event) -> str:
        error = event.outcome.error if event.outcome else ""
        return f"{self._place(event)}{self._painted('retry', YELLOW)}             {error}"

    def _skipped(self, event: Event) -> str:
        return f"{self._place(event)}skipped           {event.text}"

    def _said(self, event: Event) -> str:
        return event.text

    def _log(self, event: Event) -> str:
        return f"{self._place(event).rstrip()} | {event.text}"

    def _place(self, event: Event) -> str:
        return f"  {(_unit(event) if self._several else _short(event)):24} "


def _unit(event: Event) -> str:
    return f"{event.pipeline}/{_short(event)}"


def _short(event: Event) -> str:
    return event.step if event.index is None else f"{event.step}[{event.index}]"


def _indented(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.rstrip().splitlines())


_SHOWN: dict[str, Callable[[Lines, Event], str]] = {
    events.RUN_STARTED: Lines._started,
    events.STEP_DONE: Lines._done,
    events.STEP_FAILED: Lines._failed,
    events.STEP_RETRIED: Lines._retried,
    events.STEP_SKIPPED: Lines._skipped,
    events.LOG: Lines._log,
    events.STOPPING: Lines._said,
    events.NOTICE: Lines._said,
}
