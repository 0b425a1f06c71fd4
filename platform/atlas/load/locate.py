"""Finding the line and column of a value in a JSON text; only needed once something is wrong."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_TOKEN = re.compile(r'[ \t\n\r]*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)', re.DOTALL)


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


def locate(text: str, path: tuple[str | int, ...]) -> Position:
    """Return where the value at a path begins, or that of its nearest ancestor in the text.

    Args:
        text: valid JSON, or nothing.
        path: keys and indices, from the outside in.
    """
    offset, depth = _Scanner(text).find(path)
    if not text:
        return Position()
    line = text.count("\n", 0, offset) + 1
    return Position(line, offset - text.rfind("\n", 0, offset), depth)


class _Scanner:
    """Walks over the tokens of a JSON text, one value at a time, without recursion."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def find(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return the offset of the deepest value on the path, and how many parts it has."""
        token, start = self._next()
        for depth, part in enumerate(path):
            entered = self._enter(token, part)
            if entered is None:
                return start, depth
            token, start = entered
        return start, len(path)

    def _enter(self, opening: str, part: str | int) -> tuple[str, int] | None:
        """Move to a member of the container just opened."""
        if opening not in ("{", "["):
            return None
        index = 0
        while True:
            token, start = self._next()
            if token in ("}", "]", ""):
                return None
            if opening == "{":
                key: str | int = json.loads(token)
                self._next()
                token, start = self._next()
            else:
                key = index
            if key == part:
                return token, start
            self._skip(token)
            index += 1
            if self._next()[0] != ",":
                return None

    def _skip(self, token: str) -> None:
        """Move behind the value that begins with a token."""
        depth = 0
        while True:
            depth += (token in ("{", "[")) - (token in ("}", "]"))
            if depth <= 0:
                return
            token = self._next()[0]

    def _next(self) -> tuple[str, int]:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            return "", len(self.text)
        self.at = match.end()
        return match.group(1), match.start(1)
