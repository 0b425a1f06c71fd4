"""A program that Pulumi runs in this process, whose bugs aren't taken for failed updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Program:
    """A function that makes resources; keeps what it raised."""

    def __init__(self, function: Callable[[], None]) -> None:
        """Take the function."""
        self._function = function
        self._raised: Exception | None = None

    def __call__(self) -> None:
        """Make the resources."""
        try:
            self._function()
        except Exception as error:
            self._raised = error
            raise

    def raise_bug(self) -> None:
        """Raise again what the function raised, unless it was meant for Pulumi (`RunError`)."""
        from pulumi import RunError

        error, self._raised = self._raised, None
        if error is not None and not isinstance(error, RunError):
            raise error
