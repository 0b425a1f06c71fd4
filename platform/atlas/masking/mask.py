"""Masking secrets in text, also where it comes piece by piece.

All forms of all values are in one tree, searched by one compiled expression: one pass, whatever
there is to find.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from atlas.masking.forms import SHORTEST, forms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STARS = "***"
_END = ""
"""Key in a node of the tree: a form ends here."""
_Node = dict[str, Any]


class Mask:
    """Replaces secrets in text."""

    def __init__(self, values: Iterable[str] = (), encoding: str = "") -> None:
        """Mask values.

        Args:
            values: the secrets; those of fewer than `SHORTEST` characters are left out.
            encoding: ``utf-8`` for text that stands for bytes, one character each; else empty.
        """
        self.values = tuple(sorted({value for value in values if len(value.strip()) >= SHORTEST}))
        self._encoding = encoding

    def __bool__(self) -> bool:
        """Tell whether there is anything to mask."""
        return bool(self.values)

    def __repr__(self) -> str:
        """Return how many values there are: a repr ends up in logs."""
        return f"Mask({len(self.values)} values)"

    def text(self, text: str) -> str:
        """Return text without secrets."""
        if not self.values or not text:
            return text
        at, parts = 0, []
        for start, end in self.spans(text):
            parts += [text[at:start], STARS]
            at = end
        return "".join((*parts, text[at:]))

    def plain(self, value: Any) -> Any:
        """Return plain data (what JSON holds) without secrets, in keys and values."""
        if not self.values:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.plain(key): self.plain(member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self.plain, value))
        return value

    def finds(self, content: bytes) -> bool:
        """Tell whether there is a secret in a file's content."""
        mask = self.of_bytes
        return bool(mask) and mask._expression.search(content.decode("latin-1")) is not None

    def stream(self) -> MaskedText:
        """Return a filter for text that comes piece by piece."""
        return MaskedText(self)

    @cached_property
    def of_bytes(self) -> Mask:
        """The same for bytes that were decoded as Latin-1."""
        return Mask(self.values, "utf-8")

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets are in a text; what overlaps is one."""
        spans: list[tuple[int, int]] = []
        match = self._expression.search(text)
        while match is not None:
            start, end = match.span()
            at = start + 1
            while at < end:
                further = self._expression.match(text, at)
                end = max(end, further.end()) if further else end
                at += 1
            spans.append((start, end))
            match = self._expression.search(text, end)
        return spans

    def open_from(self, text: str) -> int:
        """Return from where on a text's end may be the beginning of a secret; else its length."""
        first = max(text.rfind("\n") + 1, len(text) - self._longest + 1)
        for start in range(first, len(text)):
            node = self._tree
            for at in range(start, len(text)):
                node = node.get(text[at], _NOTHING)
                if not node:
                    break
            if node.keys() - {_END}:
                return start
        return len(text)

    @cached_property
    def _forms(self) -> tuple[str, ...]:
        every = {form for value in self.values for form in forms_of(value)}
        if self._encoding:
            every = {_as_bytes(form) for form in every}
        return tuple(sorted(every))

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._forms), default=0)

    @cached_property
    def _tree(self) -> _Node:
        tree: _Node = {}
        for form in self._forms:
            node = tree
            for letter in form:
                node = node.setdefault(letter, {})
            node[_END] = {}
        return tree

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(_grouped(self._forms, 0, 0, len(self._forms)))


_NOTHING: _Node = {}
NO_MASK = Mask()
"""Masks nothing."""


class MaskedText:
    """Masks text that comes piece by piece, as if it had come at once.

    What may be the beginning of a secret is held back until it is known: less than the longest
    form, and never across the end of a line.
    """

    def __init__(self, mask: Mask) -> None:
        """Filter by a mask."""
        self._mask = mask
        self._rest = ""
        self._done = 0
        self._starred = False

    def feed(self, text: str) -> str:
        """Take the next piece and return what can be shown."""
        if not self._mask:
            return text
        buffer = self._rest + text
        return self._shown(buffer, self._mask.open_from(buffer))

    @property
    def holds(self) -> bool:
        """Whether something is held back that isn't shown yet."""
        return len(self._rest) > self._done

    def release(self) -> str:
        """Return what is held back, if that is too little to tell anything; for a pause.

        Whether it was the beginning of a secret is still found when more comes.
        """
        if len(self._rest) >= SHORTEST:
            return ""
        text = self._rest[self._done :]
        self._done, self._starred = len(self._rest), self._starred and not text
        return text

    def close(self) -> str:
        """Return what is left."""
        return self._shown(self._rest, len(self._rest))

    def _shown(self, buffer: str, stop: int) -> str:
        """Return a buffer's text up to a place; keep the rest of it."""
        spans = self._mask.spans(buffer) if buffer else []
        parts, at, starred = [], self._done, self._starred
        for start, end in spans:
            if end <= at or start >= stop:
                continue
            parts.append(buffer[at:start])
            if start >= at or not starred:
                parts.append(STARS)
            at, starred = min(end, stop), True
        parts.append(buffer[at:stop])
        covered = max((end for start, end in spans if start < stop), default=0) - stop
        self._rest = buffer[stop:]
        self._done = max(covered, self._done - stop, 0)
        self._starred = covered > 0 or (self._starred and self._done > 0)
        return "".join(parts)


def _as_bytes(form: str) -> str:
    return form.encode("utf-8", "surrogateescape").decode("latin-1")


def _grouped(forms: tuple[str, ...], depth: int, first: int, last: int) -> str:
    """Return an expression for sorted forms that share their first characters: longest first."""
    shared = _shared(forms[first], forms[last - 1], depth)
    head, depth = re.escape(forms[first][depth:shared]), shared
    is_whole = len(forms[first]) == depth
    branches = list(_branches(forms, depth, first + is_whole, last))
    if not branches:
        return head
    inner = branches[0] if len(branches) == 1 else "|".join(branches)
    return f"{head}(?:{inner}){'?' if is_whole else ''}"


def _branches(forms: tuple[str, ...], depth: int, first: int, last: int) -> Iterator[str]:
    while first < last:
        letter = forms[first][depth]
        end = bisect_right(forms, letter, first, last, key=lambda form: form[depth])
        yield _grouped(forms, depth, first, end)
        first = end


def _shared(form: str, other: str, depth: int) -> int:
    """Return how many characters two forms begin with in common."""
    shortest = min(len(form), len(other))
    while depth < shortest and form[depth] == other[depth]:
        depth += 1
    return depth


@lru_cache(maxsize=16)
def mask_of(values: frozenset[str]) -> Mask:
    """Return the mask of values: of the same ones the same mask, made once."""
    return Mask(values) if values else NO_MASK
