"""Run a command in the foreground, with an ephemeral platform beside it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from atlas.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from atlas_deploy.platforms.ephemeral import EphemeralPlatform

_PASSED = (signal.SIGTERM, signal.SIGHUP)
_SHARED = (signal.SIGINT, signal.SIGQUIT)
"""A terminal sends these to the command, too."""
_END_SECONDS = 20.0
_LOOK_SECONDS = 0.5
_SIGNALLED = 128


def run(platform: EphemeralPlatform, command: Sequence[str]) -> tuple[int, str]:
    """Run a command with a platform, as long as the platform lives.

    Signals of a terminal reach the command as well as this process; others are passed on.

    Args:
        platform: the platform.
        command: the program and its arguments.

    Returns:
        Its exit code, 128 and the signal for one that was killed, as a shell has it; and why it was
        ended, empty for one that ended by itself.

    Raises:
        PlatformError: it can't be started.
    """
    try:
        process = subprocess.Popen(command, env=platform.environment)  # noqa: S603 - the user's
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise PlatformError(f"{command[0]}: can't be started: {reason}") from None
    why = ""
    with process, _passing_signals(process):
        while not _ended(process, _LOOK_SECONDS) and not why:
            if platform.supervisor() is None:
                why = _end(process)
    code = process.returncode
    return (_SIGNALLED - code if code < 0 else code), why


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for a process's end for some seconds; tell whether it has ended."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def _end(process: subprocess.Popen[bytes]) -> str:
    """End a command whose platform is gone; say why."""
    process.terminate()
    if not _ended(process, _END_SECONDS):
        process.kill()
        process.wait()
    return "its platform has ended: --ttl was over, or its supervisor was killed"


@contextmanager
def _passing_signals(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass signals on to a process, and wait for its end in place of ending."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    def stay(_number: int, _frame: FrameType | None) -> None:
        return

    handlers = {**dict.fromkeys(_PASSED, pass_on), **dict.fromkeys(_SHARED, stay)}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
