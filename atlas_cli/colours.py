"""Colours, where a terminal shows them and its user wants them; nothing anywhere else."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"


_SEVERITY = re.compile(r"(?m)^((?:\S+:\d+:\d+: |\S+: )?)(error|warning)\b")
"""What a Problem, or a line of an error, begins with."""


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


def painted(message: str, on: TextIO) -> str:
    """Return errors and warnings, a line each, with the word that says which in its colour."""
    if not wanted(on):
        return message
    colours = {"error": RED, "warning": YELLOW}
    return _SEVERITY.sub(
        lambda found: found[1] + paint(found[2], BOLD, colours[found[2]], on=on), message
    )
