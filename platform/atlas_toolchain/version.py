"""Versions, as far as set-up needs them: numbers with dots, and ``>=``, ``<=``, ``<``, ``==``."""

from __future__ import annotations

import operator
import re

_COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version starts with: ``2.42.0+ds-5`` is (2, 42, 0)."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", version.strip())
    return tuple(map(int, match[1].split("."))) if match else ()


def first_version(text: str) -> str:
    """Return the first thing in a program's output that reads like a version, or ""."""
    match = re.search(r"\d+\.\d+(?:\.\d+)*", text)
    return match[0] if match else ""


def satisfies(version: str, needed: str) -> bool:
    """Tell whether a version is one of those needed (``>=2.42,<4``; empty for any)."""
    clauses = filter(None, needed.replace(" ", "").split(","))
    return bool(numbers(version)) and all(_holds(version, clause) for clause in clauses)


def _holds(version: str, clause: str) -> bool:
    """Tell whether a version satisfies one clause."""
    match = re.fullmatch(r"([<>=]=?)(.+)", clause)
    if match is None:
        return False
    have, want = numbers(version), numbers(match[2])
    length = max(len(have), len(want))
    return bool(_COMPARE[match[1]](_padded(have, length), _padded(want, length)))


def _padded(parts: tuple[int, ...], length: int) -> tuple[int, ...]:
    """Fill up with zeros, so that 2.42 equals 2.42.0."""
    return parts + (0,) * (length - len(parts))
