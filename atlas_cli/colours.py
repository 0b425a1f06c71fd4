"""Colours, where a terminal shows them and its user wants them; nothing anywhere else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"


def wanted(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal with colours, which NO_COLOR doesn't forbid."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def paint(text: str, *codes: str, on: TextIO) -> str:
    """Return a text in a colour, or as it is where `on` wants none.

    Args:
        text: one line, or a part of it.
        codes: such as `BOLD` and `RED`.
        on: the stream that it is printed to.
    """
    if not text or not wanted(on):
        return text
    return f"\033[{';'.join(codes)}m{text}\033[0m"
