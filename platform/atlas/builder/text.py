"""JSON as a person would lay it out: what fits on a line stands on one."""

from __future__ import annotations

import json
from typing import Any

_WIDTH = 100


def pretty(value: Any) -> str:
    """Return JSON with two spaces a level, where objects and lists that fit stay on one line."""
    return "".join(_lines(value, "", 0, outermost=True)) + "\n"


def _lines(value: Any, indent: str, before: int, *, outermost: bool = False) -> list[str]:
    """Return the pieces of a value that begins behind `before` characters of its line."""
    flat = json.dumps(value, ensure_ascii=False)
    fits = len(indent) + before + len(flat) < _WIDTH
    if not value or not isinstance(value, dict | list) or (fits and not outermost):
        return [flat]
    inner = f"{indent}  "
    if isinstance(value, dict):
        heads = [f"{json.dumps(key, ensure_ascii=False)}: " for key in value]
        items, (opening, closing) = list(value.values()), "{}"
    else:
        heads, items, (opening, closing) = [""] * len(value), value, "[]"
    pieces = [f"{opening}\n"]
    for number, (head, item) in enumerate(zip(heads, items, strict=True), start=1):
        comma = "," if number < len(items) else ""
        pieces += [inner, head, *_lines(item, inner, len(head) + 1), f"{comma}\n"]
    return [*pieces, indent, closing]
