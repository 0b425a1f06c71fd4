"""Parsing sources that anybody may have written: bounded, quiet, never run."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import pytest

from atlas.errors import ParseError
from atlas.validate.parse import MAX_SOURCE, parse
from tests.watchdog import ends


def refused(folder: Path, content: bytes | str) -> ParseError:
    file = folder / "m.py"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with ends(), pytest.raises(ParseError) as caught:
        parse(file)
    return caught.value


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"x = 1\ndef f(:\n", 2, "isn't Python: "),
        (b"x = (\n", 1, "isn't Python: '(' was never closed"),
        (b"print 'x'\n", 1, "isn't Python: "),
        (b"x = 1\n\0\n", 0, "isn't Python: "),
        (b"x = '\xff'\n", 1, "byte 5 isn't utf-8"),
        (b"# coding: utf-16\nx = 1\n", 1, "is written in an encoding that Atlas doesn't read"),
        (b"# coding: rot13\nk = 1\n", 1, "is written in an encoding that Atlas doesn't read"),
        (b"# coding: hex\n00", 1, "is written in an encoding that Atlas doesn't read"),
        (b"# coding: punycode\n", 1, "is written in an encoding that Atlas doesn't read"),
        (
            b"# coding: nothing-of-that-name\n",
            1,
            "is written in an encoding that Atlas doesn't read",
        ),
        ("x = 1".encode("utf-16"), 1, "byte 0 isn't utf-8"),
    ],
)
def test_what_is_no_python(content: bytes, line: int, message: str, tmp_path: Path) -> None:
    error = refused(tmp_path, content)
    assert str(error).startswith(message)
    assert error.line == line or b"\0" in content


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xef\xbb\xbfx = 1\n", b"# coding: latin-1\nx = '\xff'\n", b"#!/usr/bin/python\n# -*- coding: ascii -*-\n",
        "x = 'ß'\n".encode(), b"x = 1\r\ny = 2\r\n", b"x = 1\ry = 2\r", b"# coding: cp1252\nx = '\x80'\n", b"\x0cx = 1\n",
        b"# vim: set fileencoding=utf-8 :\n",
    ],
)  # fmt: skip
def test_what_is_python(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_bytes(content)
    parse(file)


DEEP = 60_000
NESTED = {
    "parentheses": "x = " + "(" * DEEP + "1" + ")" * DEEP,
    "lists": "x = " + "[" * DEEP + "]" * DEEP,
    "minus": "x = " + "-" * DEEP + "1",
    "not": "x = " + "not " * DEEP + "1",
    "attributes": "x = a" + ".a" * DEEP,
    "calls": "x = a" + "()" * DEEP,
    "subscripts": "x: a" + "[0]" * DEEP,
    "sum": "x = " + "1+" * DEEP + "1",
    "union": "x: " + "a|" * DEEP + "a",
    "power": "x = " + "1**" * DEEP + "1",
    "lambda": "x = " + "lambda: " * DEEP + "1",
    "if": "x = " + "1 if a else " * DEEP + "1",
    "await": "async def f(): " + "await " * DEEP + "x",
    "blocks": "".join(f"{' ' * n}if x:\n" for n in range(150)) + " " * 150 + "pass",
    "elif": "if x: pass\n" + "elif x: pass\n" * 20_000,
    "strings": "x = " + "'a' " * 100_000,
    "f-strings": "x = f'" + "{" * 200 + "}" * 200 + "'",
    "decorators": "@a\n" * 100_000 + "class C: ...",
    "classes": "class C: ...\n" * 70_000,
    "long name": "x" * 900_000 + " = 1",
    "long number": "x = " + "1" * 500_000,
    "long line": "x = [" + "1," * 300_000 + "]",
    "many lines": "\n" * (MAX_SOURCE - 10),
}


@pytest.mark.parametrize("name", NESTED)
def test_deep_and_long_sources_end_soon(name: str, tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text(NESTED[name])
    with ends(), contextlib.suppress(ParseError):
        parse(file)


def test_a_source_that_is_too_large(tmp_path: Path) -> None:
    error = refused(tmp_path, b"#" * (MAX_SOURCE + 1))
    assert str(error) == "is larger than 1 MiB"


def test_a_source_that_isn_t_there(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="can't be read: no such file"):
        parse(tmp_path / "nothing.py")
    with pytest.raises(ParseError, match="can't be read: is a directory"):
        parse(tmp_path)


def test_warnings_of_the_user_s_source_are_not_ours(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("x = '\\d'\ny = 1 is 1\nassert (x, y)\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parse(file)
