"""Sizes as a person reads them."""

from __future__ import annotations

_STEP = 1024


def size(amount: float) -> str:
    """Return a number of bytes with the unit that makes it short: ``3.4 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < _STEP:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _STEP
    return f"{amount:.1f} TiB"
