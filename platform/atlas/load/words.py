"""Words of messages: what a document says is shortened, made harmless, and compared with names."""

from __future__ import annotations

import difflib
import json
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from atlas.errors import clean, redacted

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 60
_MOST_WORDS = 2000
_MOST_COMPARED = 20
_MEANT = "did you mean '"


def short(value: Any) -> str:
    """Return a value of a document as a message quotes it."""
    text = _without_user(value) if isinstance(value, str) else redacted(_as_json(value))
    return clean(text, _LONGEST)


def _without_user(text: str) -> str:
    """Return a URL without its user and password, whatever letters these have."""
    scheme, colons, rest = text.partition("://")
    has_user = "@" in rest and not {":", "@"}.isdisjoint(rest.partition("/")[0])
    is_url = colons and scheme.replace("+", "").isalnum() and has_user
    return f"{scheme}://***@{rest.rpartition('@')[2]}" if is_url else redacted(text)


def _as_json(value: Any) -> str:
    """Return JSON; of something large, its kind alone."""
    if isinstance(value, dict | list) and len(value) > _LONGEST:
        return f"an {'object' if isinstance(value, dict) else 'array'} of {len(value)}"
    return json.dumps(value, ensure_ascii=False)


def listed(words: Iterable[str], most: int = 40) -> str:
    """Return words as a sentence lists what is allowed: ``a, b or c``."""
    ordered = list(words)
    if len(ordered) > most:
        return f"{', '.join(ordered[:most])} … ({len(ordered)})"
    return " or ".join(", ".join(ordered).rsplit(", ", 1)) if ordered else "nothing"


def article(word: str) -> str:
    """Return a word with its indefinite article."""
    return word if word == "null" else f"{'an' if word[0] in 'aeio' else 'a'} {word}"


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the hint ``did you mean 'split'?`` when one of the words is near; else nothing.

    Only words that share most letter pairs are compared closely: `difflib` takes too long to be
    asked about thousands.
    """
    given = str(word)[:100]
    known = [candidate for candidate, _ in zip(words, range(_MOST_WORDS), strict=False)]
    if len(known) > _MOST_COMPARED:
        pairs = _pairs(given.lower())
        known.sort(key=lambda candidate: -len(pairs & _pairs(candidate[:100].lower())))
        known = known[:_MOST_COMPARED]
    lower = {candidate.lower(): candidate for candidate in reversed(known)}
    close = difflib.get_close_matches(given.lower(), lower, n=1, cutoff=0.6)
    return f"{_MEANT}{clean(lower[close[0]], 100)}'?" if close else ""


def meant(hint: str) -> str:
    """Return the word that a hint of `nearest` names; nothing when it names none."""
    return hint.removeprefix(_MEANT).removesuffix("'?") if hint.startswith(_MEANT) else ""


@lru_cache(maxsize=20_000)
def _pairs(word: str) -> frozenset[str]:
    """Return the pairs of neighbouring letters, the ends counted as letters."""
    return frozenset(map("".join, pairwise(f"^{word}$")))
