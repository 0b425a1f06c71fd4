"""Masking secrets: each value, in every form that it is likely to be written in, becomes ``***``.

A form is the value itself, its base64 (both alphabets, at any of three alignments, padded or not),
its hexadecimal digits, and its text as URLs, JSON, Python and HTML escape it. Of a value with
several lines each line counts; of a JSON document each text in it; of a URL its password. All of
them are in one tree, searched by one compiled expression: one pass, whatever there is to find.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST = 4
"""Characters of the shortest value that is masked: shorter ones would mask half of every text."""
STARS = "***"
_LINE = 8
"""Characters of the shortest part of a value (a line, a JSON text) that is masked by itself."""
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
        self.values = tuple(sorted({one for one in values if len(one.strip()) >= SHORTEST}))
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
            return {self.plain(key): self.plain(one) for key, one in value.items()}
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
        found: list[tuple[int, int]] = []
        match = self._expression.search(text)
        while match is not None:
            start, end = match.span()
            at = start + 1
            while at < end:
                further = self._expression.match(text, at)
                end = max(end, further.end()) if further else end
                at += 1
            found.append((start, end))
            match = self._expression.search(text, end)
        return found

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


def forms_of(value: str) -> set[str]:
    """Return every form that a secret is looked for in; none has a line break in it."""
    written = {form for part in _parts(value) for form in _encoded(part)}
    lines = (line.strip("\r") for form in written for line in form.splitlines())
    return {line for line in lines if len(line) >= SHORTEST}


def passwords_in(text: str) -> tuple[str, ...]:
    """Return the password in a URL, such as a service's address; mostly there is none."""
    return tuple(filter(None, _password_in(text)))


def _parts(value: str) -> set[str]:
    """Return a value, its lines, the texts in it, its password, as far as they aren't too short."""
    text = value.strip()
    every = {text, *_texts_in(text), *_password_in(text)}
    parts = {line.strip() for one in every for line in one.splitlines()}
    long = {one for one in parts if len(one) >= _LINE and not one.startswith("-----")}
    return long or {one for one in parts if len(one) >= SHORTEST}


def _texts_in(text: str) -> Iterator[str]:
    """Return the texts in a JSON document."""
    if text[:1] not in ("{", "["):
        return
    import json

    try:
        waiting = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and len(one) >= _LINE and not _is_address(one):
            yield one
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()


def _is_address(text: str) -> bool:
    """Tell whether a text is a URL with nothing secret in it."""
    return re.fullmatch(r"[a-z0-9+]+://[^\s@?]*", text) is not None


def _password_in(text: str) -> Iterator[str]:
    """Return the password in a URL, as it stands there and as it is."""
    from urllib.parse import unquote, urlsplit

    if "://" not in text:
        return
    try:
        password = urlsplit(text).password or ""
    except ValueError:
        return
    yield from (password, unquote(password))


def _encoded(text: str) -> Iterator[str]:
    """Return a text in every encoding."""
    content = text.encode("utf-8", "surrogateescape")
    yield text
    yield from _base64(content)
    yield from (content.hex(), content.hex().upper())
    yield from _in_urls(content)
    yield from _in_source(text, content)


def _base64(content: bytes) -> Iterator[str]:
    """Return base64 as it is written for a content by itself, or within another one.

    Within another one, characters at the ends that stand for bits of both are left out.
    """
    import base64

    whole = base64.b64encode(content).decode()
    yield from _alphabets(whole)
    yield from _alphabets(whole.rstrip("="))
    yield from base64.encodebytes(content).decode().splitlines()
    for before in range(3):
        text = base64.b64encode(bytes(before) + content).decode()
        yield from _alphabets(text[(before * 8 + 5) // 6 : (before + len(content)) * 8 // 6])


def _alphabets(text: str) -> tuple[str, str]:
    return text, text.translate({ord("+"): "-", ord("/"): "_"})


def _in_urls(content: bytes) -> Iterator[str]:
    from urllib.parse import quote, quote_plus

    for text in (quote(content), quote(content, safe=""), quote_plus(content)):
        yield text
        yield re.sub("%..", lambda found: found[0].lower(), text)


def _in_source(text: str, content: bytes) -> Iterator[str]:
    """Return a text as JSON, Python and HTML write it."""
    import html
    import json

    for is_ascii in (True, False):
        written = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
        yield from (written, written.replace("/", "\\/"), _again(written))
    for one in (repr(text)[1:-1], ascii(text)[1:-1], repr(content)[2:-1]):
        yield from (one, one.replace("'", "\\'"), one.replace("\\'", "'"), _again(one))
    yield from (html.escape(text), html.escape(text, quote=False))


def _again(text: str) -> str:
    """Return an escaped text that is escaped once more, as text within JSON within JSON is."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


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


def _shared(one: str, other: str, depth: int) -> int:
    """Return how many characters two forms begin with in common."""
    shortest = min(len(one), len(other))
    while depth < shortest and one[depth] == other[depth]:
        depth += 1
    return depth


@lru_cache(maxsize=16)
def mask_of(values: frozenset[str]) -> Mask:
    """Return the mask of values: of the same ones the same mask, made once."""
    return Mask(values) if values else NO_MASK
