"""What a reader sees of a node or an edge on hover: lines of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw.model import STEP
from atlas.pages.texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.draw.model import Edge, Node

_LONGEST, _MOST = 240, 60
"""Characters in a line, and lines."""


def of_node(node: Node, outcome: str = "") -> str:
    """Return the lines of a node: what it is, what became of it, and its facts."""
    return _joined(_node_lines(node, outcome))


def of_edges(edges: Sequence[Edge]) -> str:
    """Return the lines of the edges between two nodes."""
    changed = (f"{edge.note or edge.label} {_bracketed(edge.change)}".rstrip() for edge in edges)
    return _joined(changed)


def _node_lines(node: Node, outcome: str) -> Iterator[str]:
    kind = node.noun or ("" if node.kind == STEP else node.kind)
    yield " ".join(word for word in (node.id, _bracketed(kind or node.change)) if word)
    if outcome:
        yield f"outcome: {outcome}"
    if times := node.times():
        yield times
    yield from (f"changed {name}: {change}" for name, change in node.changes.items())
    yield from (f"{name}: {fact}" for name, fact in node.facts.items() if name not in node.changes)


def _bracketed(word: str) -> str:
    return f"({word})" if word else ""


def _joined(lines: Iterator[str]) -> str:
    """Return lines as one text, each visible and none too long."""
    shown = [_cut(visible(line)) for line in lines]
    more = [f"… and {len(shown) - _MOST} more"] if len(shown) > _MOST else []
    return "\n".join(shown[:_MOST] + more)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
