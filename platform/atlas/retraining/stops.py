"""Why a retraining can't go on now: what ends a call early, and isn't an error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, PlatformError
from atlas.retraining import state as states

if TYPE_CHECKING:
    from collections.abc import Iterator


class RetrainingStop(Exception):
    """Nothing more can be done for an event now.

    Attributes:
        state: how its retraining stands.
        why: the reason in words.
        until: when it may go on at the earliest, ISO 8601; empty where that isn't known.
    """

    def __init__(self, state: str, why: str, until: str = "") -> None:
        """Stop with a state and a reason."""
        super().__init__(why)
        self.state, self.why, self.until = state, why, until


@contextmanager
def blocking() -> Iterator[None]:
    """Turn what a retraining lacks into the state ``blocked``: it goes on once that is there."""
    try:
        yield
    except PlatformError:
        raise
    except AtlasError as error:
        raise RetrainingStop(states.BLOCKED, str(error)) from error
