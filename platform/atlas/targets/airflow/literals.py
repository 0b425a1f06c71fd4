"""Python source for values. Everything that a Recipe says reaches a DAG file through here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WIDTH = 88
"""Longest call on one line, before it is indented."""
NEWLINE = "\n"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_CHANGED = re.compile(r"[{\r\n]|\.(sh|bash)\Z")
"""What a template would change: expressions, line ends, and names of files that it would read."""


def source(value: Any) -> str:
    """Return the Python expression of a plain value, in ASCII on one line.

    Raises:
        TypeError: the value isn't a str, int, float, bool, None, list, tuple or mapping of these.
    """
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(source(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_string(key)}: {source(value[key])}" for key in value) + "}"
    raise TypeError(f"a {type(value).__name__} can't be written into a DAG file")


def _string(value: str) -> str:
    """Return a string's expression, in double quotes where that needs no escape."""
    text = ascii(value)
    return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text and "\\'" not in text else text


def without_strings(code: str) -> str:
    """Return code of what this module writes with every string in it empty."""
    return _STRING.sub('""', code)


def template(value: str) -> str:
    """Return the expression of a templated string that Airflow must take as it stands."""
    return f"literal({source(value)})" if _CHANGED.search(value) else source(value)


def call(name: str, arguments: Mapping[str, str], *, positional: Iterable[str] = ()) -> str:
    """Return the expression of a call: on one line where it fits, else one argument a line."""
    parts = [*positional, *(f"{key}={value}" for key, value in arguments.items())]
    line = f"{name}({', '.join(parts)})"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    return f"{name}(\n{indent(''.join(f'{part},{NEWLINE}' for part in parts))})"


def sequence(items: Iterable[str]) -> str:
    """Return the expression of a list of strings, one a line."""
    return f"[\n{indent(''.join(f'{_string(item)},{NEWLINE}' for item in items))}]"


def mapping(items: Mapping[str, str]) -> str:
    """Return the expression of a dict whose values are expressions already, one a line."""
    if not items:
        return "{}"
    lines = "".join(f"{_string(key)}: {value},\n" for key, value in items.items())
    return f"{{\n{indent(lines)}}}"


def indent(text: str) -> str:
    """Return lines moved four spaces to the right."""
    return "".join(
        f"    {line}" if line.strip() else line for line in text.splitlines(keepends=True)
    )
