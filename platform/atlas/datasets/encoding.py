"""Texts in an encoding: decoded whole, or an error that says where and which one would do."""

from __future__ import annotations

import codecs

from atlas.errors import StoreError

_GUESSES = ("utf-8", "cp1252")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What a file may begin with, and the encoding that it says."""


def marked(start: bytes) -> str:
    """Return the encoding that a file's first bytes name; empty where they name none."""
    return next((name for mark, name in _MARKS if start.startswith(mark)), "")


def decoded(content: bytes, encoding: str, setting: str) -> str:
    """Return a text.

    Args:
        content: its bytes.
        encoding: as Python names it.
        setting: the Environment's field that names it, for the message.

    Raises:
        StoreError: it isn't in that encoding; the message says where, and which it may be in.
    """
    wanted = "utf-8-sig" if encoding in ("utf-8", "utf8") else encoding
    try:
        return content.decode(wanted)
    except UnicodeError as error:
        raise StoreError(undecodable(content, encoding, setting, error)) from None


def undecodable(content: bytes, encoding: str, setting: str, error: UnicodeError) -> str:
    """Return the message for bytes that aren't in an encoding."""
    at = getattr(error, "start", 0)
    line = content.count(b"\n", 0, at) + 1
    byte = content[at : at + 1].hex()
    where = f"line {line}, byte {at:,} (0x{byte})" if byte else f"line {line}"
    guess = marked(content[:4]) or next((g for g in _GUESSES if _decodes(content, g)), "")
    hint = f"; it may be in {guess}: set {setting} to '{guess}'" if guess else f"; set {setting}"
    return f"{where}: isn't in the encoding {encoding}{hint}"


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeError:
        return False
    return True
