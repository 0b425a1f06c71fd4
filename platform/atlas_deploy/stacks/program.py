"""A program that Pulumi runs in this process, whose bugs aren't taken for failed updates."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from atlas.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOSE_SECONDS, _POLL_SECONDS = 0.5, 0.02


class Program:
    """A function that makes resources; keeps what it raised."""

    def __init__(self, function: Callable[[], None]) -> None:
        """Take the function."""
        self._function = function
        self._raised: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self) -> None:
        """Make the resources."""
        with suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
        try:
            self._function()
        except Exception as error:
            self._raised = error
            raise

    def close(self) -> None:
        """Close the event loop that the function ran in: Pulumi doesn't when an update fails."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        wait_until(loop.is_closed, _CLOSE_SECONDS, _POLL_SECONDS)
        if not loop.is_running():
            loop.close()

    def raise_bug(self) -> None:
        """Raise again what the function raised, unless it was meant for Pulumi (`RunError`)."""
        from pulumi import RunError

        error, self._raised = self._raised, None
        if error is not None and not isinstance(error, RunError):
            raise error
