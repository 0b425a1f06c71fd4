"""Finding the line and column of a value in a JSON text; only needed once something is wrong."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

JsonPath: TypeAlias = tuple[str | int, ...]

_WORD = re.compile(r'[ \t\n\r]*("[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+)', re.DOTALL)
_MOST_MEMBERS = 200_000
"""How many members of one object or array are located; others have its own place."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text.

    Attributes:
        line: 1-based; 0 when the text is unknown.
        column: 1-based, in characters; 0 when the text is unknown.
        depth: how many parts of the path were found there.
    """

    line: int = 0
    column: int = 0
    depth: int = -1


def locate(text: str, path: JsonPath) -> Position:
    """Return where the value at a path begins, or that of its nearest ancestor in the text.

    Args:
        text: valid JSON, or nothing.
        path: keys and indices, from the outside in.
    """
    return Index(text).locate(path)


class Index:
    """Finds values in one JSON text; each object and array on the way is read once."""

    def __init__(self, text: str) -> None:
        """Keep the text; nothing is read yet."""
        self.text = text
        self._members: dict[int, dict[str | int, int]] = {}

    def locate(self, path: JsonPath) -> Position:
        """Return where the value at a path begins, or that of its nearest ancestor."""
        if not self.text:
            return Position()
        offset = _offset_behind(self.text, 0)
        for depth, part in enumerate(path):
            members = self._members_of(offset)
            if part not in members:
                return self.position(offset, depth)
            offset = members[part]
        return self.position(offset, len(path))

    def position(self, offset: int, depth: int = 0) -> Position:
        """Return the line and column of an offset."""
        line = bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1, depth)

    @cached_property
    def _lines(self) -> list[int]:
        """Offsets at which the lines begin."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def _members_of(self, offset: int) -> dict[str | int, int]:
        """Return the members of the object or array at an offset: key or index → offset."""
        if offset not in self._members:
            members: dict[str | int, int] = {}
            for key, place in _members(self.text, offset):
                members[key] = place
                if len(members) == _MOST_MEMBERS:
                    break
            self._members[offset] = members
        return self._members[offset]


def _offset_behind(text: str, offset: int) -> int:
    """Return where the next word begins."""
    match = _WORD.match(text, offset)
    return match.start(1) if match else len(text)


def _members(text: str, offset: int) -> Iterator[tuple[str | int, int]]:
    """Yield the direct members of a container: key or index, and where the value begins."""
    is_object = text[offset : offset + 1] == "{"
    if not is_object and text[offset : offset + 1] != "[":
        return
    depth, index, key, is_value = 0, 0, "", not is_object
    for word, start in _words(text, offset + 1):
        if depth == 0 and word in ("}", "]"):
            return
        if depth == 0 and word == ",":
            index, is_value = index + 1, not is_object
        elif depth == 0 and word == ":":
            is_value = True
        elif depth == 0 and is_value:
            yield (key if is_object else index), start
            is_value = False
        elif depth == 0:
            key = json.loads(word)
        depth += (word in ("{", "[")) - (word in ("}", "]"))


def _words(text: str, offset: int = 0) -> Iterator[tuple[str, int]]:
    """Yield strings, marks, numbers and names from an offset on, and where each begins."""
    while (match := _WORD.match(text, offset)) is not None:
        yield match.group(1), match.start(1)
        offset = match.end()


def find_word(text: str, searched: str) -> int:
    """Return the offset of the first word of a text, outside of strings; -1 for none."""
    return next((start for word, start in _words(text) if word == searched), -1)


def find_repeated_key(text: str) -> tuple[JsonPath, int] | None:
    """Return the path and the offset of the first key that its object has already; or None."""
    open_objects: list[set[str] | None] = []
    path: list[str | int] = []
    last, last_start = "", 0
    for word, start in _words(text):
        if word == ":" and open_objects and open_objects[-1] is not None:
            path[-1] = key = json.loads(last)
            if key in open_objects[-1]:
                return tuple(path), last_start
            open_objects[-1].add(key)
        elif word in ("{", "["):
            open_objects.append(set() if word == "{" else None)
            path.append("" if word == "{" else 0)
        elif word in ("}", "]") and open_objects:
            open_objects.pop()
            path.pop()
        elif word == "," and open_objects and open_objects[-1] is None:
            path[-1] = int(path[-1]) + 1
        last, last_start = word, start
    return None
