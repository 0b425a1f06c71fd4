"""Every form that a secret is likely to be written in.

A form is the value itself, its base64 (both alphabets, at any of three alignments, padded or not),
its hexadecimal digits, and its text as URLs, JSON, Python and HTML escape it. Of a value with
several lines each line counts; of a JSON document each text in it; of a URL its password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 4
"""Characters of the shortest value that is masked: shorter ones would mask half of every text."""
_LINE = 8
"""Characters of the shortest part of a value (a line, a JSON text) that is masked by itself."""


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
    parts = {line.strip() for candidate in every for line in candidate.splitlines()}
    long = {part for part in parts if len(part) >= _LINE and not part.startswith("-----")}
    return long or {part for part in parts if len(part) >= SHORTEST}


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
        node = waiting.pop()
        if isinstance(node, str) and len(node) >= _LINE and not _is_address(node):
            yield node
        waiting += (
            node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        )


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
        yield re.sub("%..", lambda match: match[0].lower(), text)


def _in_source(text: str, content: bytes) -> Iterator[str]:
    """Return a text as JSON, Python and HTML write it."""
    import html
    import json

    for is_ascii in (True, False):
        written = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
        yield from (written, written.replace("/", "\\/"), _again(written))
    for literal in (repr(text)[1:-1], ascii(text)[1:-1], repr(content)[2:-1]):
        yield from (
            literal,
            literal.replace("'", "\\'"),
            literal.replace("\\'", "'"),
            _again(literal),
        )
    yield from (html.escape(text), html.escape(text, quote=False))


def _again(text: str) -> str:
    """Return an escaped text that is escaped once more, as text within JSON within JSON is."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
