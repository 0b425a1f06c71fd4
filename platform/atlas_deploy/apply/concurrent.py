"""Work on several stacks at once: progress, failures, and an orderly end."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from atlas.errors import AtlasError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas_deploy.apply.options import Say

_T = TypeVar("_T")
_REPORT_SECONDS = 5.0


@dataclass
class Progress:
    """Reports how many are done, every few seconds, with an estimate of the time that is left.

    Attributes:
        say: takes a line.
        what: what is done, before the numbers.
        of: what they are, after the numbers.
    """

    say: Say
    what: str
    of: str
    _since: float = 0.0
    _reported: float = 0.0
    _last: int = -1

    def __post_init__(self) -> None:
        """Begin now."""
        self._since = self._reported = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        """Take how many are done; report it every few seconds, and at the end."""
        now = time.monotonic()
        is_end = done == of and self._last != of
        if not is_end and (now - self._reported < _REPORT_SECONDS or done == self._last):
            return
        self._reported, self._last = now, done
        self.say(f"{self.what} {done} of {of} {self.of}{self._left(done, of, now - self._since)}")

    def _left(self, done: int, of: int, seconds: float) -> str:
        if not done or done == of:
            return f" ({seconds:.0f} s)" if done else ""
        return f", about {seconds / done * (of - done):.0f} s left"


def at_once(
    stacks: Sequence[str],
    work: Callable[[str], _T],
    jobs: int,
    progress: Progress,
    end_early: Callable[[], None],
) -> dict[str, _T | AtlasError]:
    """Do something with several stacks, so many at once.

    Args:
        stacks: their names.
        work: what is done with one.
        jobs: how many at once.
        progress: takes how many are done.
        end_early: asks what is under way to end, when there was an interruption.

    Returns:
        What `work` gave for each stack, or how it failed.

    Raises:
        KeyboardInterrupt: there was an interruption; what was under way has ended.
    """
    results: dict[str, _T | AtlasError] = {}
    with ThreadPoolExecutor(jobs, thread_name_prefix="stack") as pool:
        futures = {pool.submit(_tried, work, stack): stack for stack in stacks}
        try:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                progress(len(results), len(stacks))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            progress.say(
                "interrupted: waiting for the updates under way to end (Ctrl-C again kills them)"
            )
            end_early()
            _end([future for future in futures if not future.cancelled()])
            raise
    return results


def _tried(work: Callable[[str], _T], stack: str) -> _T | AtlasError:
    try:
        return work(stack)
    except AtlasError as error:
        return error


def _end(futures: Sequence[object]) -> None:
    """Interrupt the engines that run, and wait for them; kill them at a second interruption."""
    from atlas_deploy.stacks.command import signal_all

    signal_all(signal.SIGINT)
    try:
        wait(futures)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        signal_all(signal.SIGKILL)
