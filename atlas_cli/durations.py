"""How long commands took here before: what an estimate is made of.

Kept in the state folder for people who wait at a terminal; nothing but numbers is read back, and
nothing fails because of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LEAST = 2.0
"""Seconds from which on a command shows that it works, and is remembered."""
_CALLS, _TIMES = 200, 5
_LONGEST = 7 * 86400.0


def key_of(words: Sequence[str]) -> str:
    """Return what stands for a call: the same words in the same folder."""
    text = "\0".join([os.getcwd(), *words])
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def usual(key: str) -> float | None:
    """Return how many seconds a call usually takes; None where nobody knows."""
    times = _read().get(key)
    return median(times) if times else None


def remember(key: str, seconds: float) -> None:
    """Keep how long a call took that came to its end."""
    from atlas import files
    from atlas.errors import AtlasError

    if seconds < LEAST:
        return
    known = _read()
    times = [*known.pop(key, []), round(seconds, 1)][-_TIMES:]
    kept = dict([*known.items(), (key, times)][-_CALLS:])
    with suppress(OSError, AtlasError):
        if _file().parent.is_dir():
            files.write(files.own(_file().parent) / _file().name, json.dumps(kept), sync=False)


def _file() -> Path:
    from atlas.environment import state_folder

    return state_folder() / "durations.json"


def _read() -> dict[str, list[float]]:
    """Return the times of each call, the oldest call first; of a damaged file, none."""
    try:
        document = json.loads(_file().read_text("utf-8"))
        return {str(key): [*map(_number, times)][-_TIMES:] for key, times in document.items()}
    except Exception:  # Whatever is there: an estimate is all that is lost.
        return {}


def _number(value: object) -> float:
    if isinstance(value, int | float) and LEAST <= value <= _LONGEST:
        return float(value)
    raise ValueError(value)
