"""The examples of a page of the docs: found, and run as a reader would run them.

A page is run from top to bottom, in an empty folder of its own.

- ``python`` blocks share one namespace; those with ``>>>`` are doctests.
- ``console`` blocks are typed: a line that begins with ``$`` is a command (it goes on after a
  backslash), and the lines below it are what it prints, where ``…`` stands for anything, and a line
  that is only ``…`` for any lines. ``[exit 1]`` in the last line is the exit code, else 0.
- A block below ``<!-- file: PATH -->`` is written to that file, below ``<!-- append: PATH -->`` at
  its end.
- A block below ``<!-- not run: why -->`` is left out, and so are blocks of other languages.
- A block below ``<!-- with a platform: why -->`` is run only by a test that has hours.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[a-z ]+): (?P<value>.+?) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, the mark above it, and its first line's number."""

    language: str
    text: str
    mark: str
    value: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        yield Block(
            found["language"], found["text"], found["mark"] or "", found["value"] or "", line
        )


def run(page: Path, folder: Path, platform: Mapping[str, str] | None = None) -> int:
    """Run a page's examples in a folder, which is the working directory; return how many.

    Args:
        page: the page.
        folder: where its commands are typed.
        platform: variables of commands that may bring up a platform; without, such are left out.
    """
    names: dict[str, Any] = {"__name__": page.stem}
    path = [*sys.path]
    try:
        return sum(_run(page, block, folder, names, platform) for block in blocks(page))
    finally:
        sys.path[:] = path
        _forget(folder.resolve())


def _forget(folder: Path) -> None:
    """Forget the modules that a page's Python code imported from its folder."""
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None)
        if file and Path(file).resolve().is_relative_to(folder):
            del sys.modules[name]


def _run(
    page: Path,
    block: Block,
    folder: Path,
    names: dict[str, Any],
    platform: Mapping[str, str] | None,
) -> bool:
    place = f"{page.name}:{block.line}"
    if block.mark == "not run" or (block.mark == "with a platform" and platform is None):
        return False
    if block.mark in ("file", "append"):
        _write(folder / block.value, block.text, append=block.mark == "append")
    elif block.language == "console":
        for command, expected in _commands(block.text):
            _type(place, command, expected, folder, platform)
    elif block.language == "python":
        _python(place, block, names)
    else:
        return False
    return True


def _write(file: Path, text: str, *, append: bool) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(file.read_text("utf-8") + text if append else text, "utf-8")


def _python(place: str, block: Block, names: dict[str, Any]) -> None:
    if ">>>" not in block.text:
        exec(compile("\n" * (block.line - 1) + block.text, place, "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, names, place, place, block.line - 1)
    told: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
    runner.run(test, out=told.append, clear_globs=False)
    names |= test.globs
    assert not told, "".join(told)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        found = re.match(r"((?:[^\n]*\\\n)*[^\n]*)\n?(.*)", part, re.DOTALL)
        assert found
        yield found[1], found[2]


def _type(
    place: str,
    command: str,
    expected: str,
    folder: Path,
    platform: Mapping[str, str] | None = None,
) -> None:
    wanted = re.search(r"^\[exit (\d+)\]\n\Z", expected, re.MULTILINE)
    code = int(wanted[1]) if wanted else 0
    if wanted:
        expected = expected[: wanted.start()]
    environment = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    environment |= {"PATH": f"{_BIN}:/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "100"}
    environment |= platform or {}
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280 if platform is None else 1200,
    )
    shown = f"{place}: $ {command}\n{done.stdout}"
    assert done.returncode == code, f"{shown}[exit {done.returncode}], expected {code}"
    assert not expected or matches(done.stdout, expected), f"{shown}--- expected\n{expected}"


def matches(printed: str, expected: str) -> bool:
    """Tell whether a text is what was expected, with ``…`` for anything."""
    pattern = "".join(
        r"(?:[^\n]*\n)*?" if line.strip() == "…" else _line(line) for line in _lines(expected)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(printed))) is not None


def _lines(text: str) -> list[str]:
    """Return a text's lines; how wide a table's columns are doesn't matter."""
    return [re.sub(" {2,}", "  ", line.rstrip()) for line in text.strip("\n").split("\n")]


def _line(line: str) -> str:
    return r"[^\n]*".join(map(re.escape, line.split("…"))) + r"\n"
