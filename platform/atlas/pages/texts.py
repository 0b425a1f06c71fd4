"""Text made fit to be seen: nothing invisible, nothing that is markup, nothing too long."""

from __future__ import annotations

import unicodedata

_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
"""Unicode categories that move the cursor, turn the text round or show nothing."""

_MARKUP = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"},
)
"""As `html.escape` has them, which takes a table of all entities to import."""


def visible(text: str) -> str:
    r"""Return a text on one line, with what can't be seen as ``\x1b`` or ``\u202e``.

    So a name can neither drive a terminal, nor reorder a line, nor break XML.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if _is_invisible(char) else char for char in text)


def xml(text: str) -> str:
    """Return a text for the content or a quoted attribute of XML and HTML."""
    return visible(text).translate(_MARKUP)


def width(text: str) -> int:
    """Return how many columns a visible text takes in a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def fit(text: str, columns: int) -> str:
    """Return a visible text in at most so many columns, cut in its middle by an ellipsis.

    The middle goes, because names of one family differ at their ends.
    """
    text = visible(text)
    if width(text) <= columns:
        return text
    tail = _cut(text[::-1], max(columns - 1, 0) // 2)[::-1]
    return f"{_cut(text, columns - 1 - width(tail))}…{tail}"


def wrapped(text: str, columns: int, most: int) -> list[str]:
    """Return a visible text in lines of at most so many columns, broken where a word ends.

    Words end at spaces, else at punctuation and before a capital. The lines are about as long as
    each other. What doesn't fit the last of so many lines is cut out of its middle, as `fit` does.
    """
    text = visible(text)
    lines = _broken(text, columns)
    least = -(-width(text) // len(lines)) if lines else columns
    for fewer in range(least, columns):
        if len(tighter := _broken(text, fewer)) == len(lines):
            lines = tighter
            break
    if len(lines) > most:
        rest = text[sum(map(len, lines[: most - 1])) :]
        lines = [*lines[: most - 1], fit(rest.strip(" "), columns)]
    return [line.strip(" ") for line in lines] or [""]


def _broken(text: str, columns: int) -> list[str]:
    """Return a text in lines that take at most so many columns, nothing left out of it."""
    lines = []
    while text:
        line = _cut(text, columns) or text[0]
        if len(line) < len(text):
            line = text[: _end_of_line(text, len(line))]
        lines.append(line)
        text = text[len(line) :]
    return lines


def _end_of_line(text: str, most: int) -> int:
    """Return where a line of a text ends best: after a space, else where a word does."""
    space = text.rfind(" ", 0, most + 1) + 1
    if space > most // 2:
        return min(space, most)
    ends = (end for end in range(most, most // 3, -1) if _ends_word(text, end))
    return next(ends, most)


def _ends_word(text: str, end: int) -> bool:
    """Return whether a word ends before a place in a text."""
    before, after = text[end - 1], text[end : end + 1]
    return before in " _-./,;·|" or (before.islower() and after.isupper())


def clip(text: str, columns: int) -> str:
    """Return a visible text in at most so many columns, its end cut off; 0 cuts nothing."""
    if not columns or width(text) <= columns:
        return text
    return f"{_cut(text, columns - 1)}…"


def pad(text: str, columns: int) -> str:
    """Return a text filled with spaces on its right, up to so many columns."""
    return text + " " * (columns - width(text))


def _cut(text: str, columns: int) -> str:
    """Return as much of a text's beginning as takes so many columns."""
    used = 0
    for index, char in enumerate(text):
        used += _columns(char)
        if used > columns:
            return text[:index]
    return text


def _columns(char: str) -> int:
    """Return how many columns one character takes."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in _INVISIBLE


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
