"""Parsing one Python source, which isn't trusted: bounded, without warnings, and never run."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from atlas.errors import ParseError
from atlas.load import read_at_most
from atlas.syntax import syntax_tree

if TYPE_CHECKING:
    import ast
    from pathlib import Path

MAX_SOURCE = 2**20
"""The largest source file that is read, in bytes."""
_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_ENCODINGS = {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"}
"""What sources may be written in; other codecs may take very long, or run code."""


def parse(file: Path) -> ast.Module:
    """Return a source's syntax tree.

    Raises:
        ParseError: it can't be read, is too large, or isn't Python.
    """
    return parse_text(read_text(file))


def parse_text(text: str) -> ast.Module:
    """Return the syntax tree of a source's text; raises as `parse` does."""
    try:
        return syntax_tree(text)
    except SyntaxError as error:
        line, column = error.lineno or 0, error.offset or 0
        raise ParseError(f"isn't Python: {error.msg}", line, max(column, 0)) from None
    except ValueError:
        raise ParseError("isn't Python: has a NUL character") from None
    except (RecursionError, MemoryError):
        raise ParseError("is nested too deep to be read") from None


def read_text(file: Path) -> str:
    """Return a source's text; raises as `parse` does."""
    try:
        raw = read_at_most(file, MAX_SOURCE)
    except OSError as error:
        raise ParseError(f"can't be read: {(error.strerror or '').lower()}") from None
    if len(raw) > MAX_SOURCE:
        hint = "data belongs in a data set, not in a source"
        raise ParseError(f"is larger than {MAX_SOURCE // 2**20} MiB", hint=hint)
    encoding = _encoding(raw)
    try:
        return raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        hint = "save it as UTF-8"
        raise ParseError(f"byte {error.start} isn't {encoding}", line, hint=hint) from None


def _encoding(raw: bytes) -> str:
    """Return the encoding that a source names in its first two lines; UTF-8 when it names none.

    Source: PEP 263.
    """
    if b"coding" not in raw:
        return "utf-8"
    lines = raw.removeprefix(codecs.BOM_UTF8).split(b"\n", 2)[:2]
    cookies = [match for line in lines if (match := _COOKIE.match(line))]
    try:
        encoding = codecs.lookup(cookies[0][1].decode("ascii")).name if cookies else "utf-8"
    except LookupError:
        encoding = ""
    if encoding not in _ENCODINGS:
        hint = "save it as UTF-8"
        raise ParseError("is written in an encoding that Atlas doesn't read", 1, hint=hint)
    return encoding
