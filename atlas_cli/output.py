"""What every command prints with: text or JSON on stdout, progress on stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from atlas_cli.colours import BOLD, paint, painted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STEP = 1024


def emit(data: Any, text: str | Callable[[], str], *, as_json: bool) -> None:
    """Print a result: `data` as JSON, or `text` (made only when it is needed) for a person.

    Args:
        data: plain data, or anything with a ``to_json`` method inside it; or a function that makes
            it.
        text: the same for a person, or a function that makes it; nothing is printed for "".
        as_json: whether ``--json`` was given.
    """
    if as_json:
        data = data() if callable(data) else data
        print(json.dumps(data, indent=2, ensure_ascii=False, default=_plain))
        return
    shown = text if isinstance(text, str) else text()
    if shown:
        print(painted(shown, sys.stdout))


def _plain(value: Any) -> Any:
    """Turn a value that `json` doesn't know into plain data."""
    return value.to_json() if hasattr(value, "to_json") else str(value)


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows below their headers, in columns two spaces apart, with no trailing space.

    On a terminal the headers stand out.
    """
    cells = [[str(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    first, *lines = ("  ".join(map(_padded, row, widths)).rstrip() for row in cells)
    return "\n".join([paint(first, BOLD, on=sys.stdout), *lines])


def columns(text: str) -> int:
    """Return how many columns a text takes on a terminal: Chinese letters two, accents none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(one) else 1 + (east_asian_width(one) in "WF") for one in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def progress(message: str) -> None:
    """Print a line of progress on stderr, when a person is there to read it."""
    if sys.stderr.isatty():
        print(message, file=sys.stderr, flush=True)


def size(amount: float) -> str:
    """Return a number of bytes with the unit that makes it short: ``3.4 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < _STEP:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _STEP
    return f"{amount:.1f} TiB"
