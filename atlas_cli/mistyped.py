"""What is said of an option that a command doesn't have: which one was meant, if one is near."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_NEAR = 0.75
"""How much of two names has to be the same; at .6, as is usual, `--steps` is near `--help`."""
_SHORTEST = 3


def suggest(error: Any, context: Any) -> None:
    """Have the error of an unknown option say which one was meant; others stay as they are."""
    if hasattr(error, "possibilities"):
        known = (name for one in context.command.get_params(context) for name in one.opts)
        meant = nearest_option(error.option_name, known)
        error.possibilities = None
        error.message += f". Did you mean '{meant}'?" if meant else ""


def nearest_option(given: str, known: Iterable[str]) -> str:
    """Return the option that was meant; empty where none is near.

    Args:
        given: what was typed, with its dashes.
        known: the names of the command's options; those of one letter are never meant.
    """
    found = [(_likeness(given, name), name) for name in known if name.startswith("--")]
    likeness, name = max(found, default=(0.0, ""))
    return name if likeness >= _NEAR else ""


def _likeness(given: str, name: str) -> float:
    """Return how like two names are, from 0 to 1; the beginning of a longer word is like it."""
    one, other = given.strip("-").lower(), name.strip("-")
    short, long = sorted((one, other), key=len)
    if len(short) >= _SHORTEST and long.startswith(short) and "-" not in long:
        return _NEAR
    return SequenceMatcher(None, one, other).ratio()
