"""A lineage as text: what it came of and what came of it, as two trees; each node is shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.lineage.graph import DOWN, UP
from atlas.lineage.kinds import KINDS
from atlas.pages.texts import clip, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.lineage.graph import Lineage, LineageEdge, LineageNode

MOST = 12
"""Links of one kind and meaning that are shown of a node."""
_HEADS = {UP: "came of", DOWN: "led to"}
_NOTHING = {UP: "nothing that is recorded", DOWN: "nothing so far"}
_ORDER = {kind: number for number, kind in enumerate(KINDS)}


def text(lineage: Lineage, *, columns: int = 0) -> str:
    """Return a lineage for a person to read.

    Args:
        lineage: the lineage.
        columns: of the terminal; lines are cut to it; 0 for lines as long as need be.
    """
    lines = [*_lines(lineage)]
    return "\n".join(clip(visible(line), columns) for line in lines)


def _lines(lineage: Lineage) -> Iterator[str]:
    nodes, told = lineage.by_id, set(lineage.roots)
    for root in lineage.roots:
        yield from _head(nodes[root])
    for way in (UP, DOWN):
        if lineage.direction in (way, "both"):
            yield _HEADS[way]
            branches = _branches(lineage.edges, way)
            lines = [line for root in lineage.roots for line in _below(root, nodes, branches, told)]
            yield from lines or [f"└─ {_NOTHING[way]}"]
    yield from (f"broken: {link.line()}" for link in lineage.broken)
    yield from (f"not asked: {text}" for text in lineage.unasked)


def _head(node: LineageNode) -> Iterator[str]:
    yield _told(node)
    for name, fact in node.facts.items():
        if fact:
            yield f"  {name}: {fact}"
    if node.at:
        yield f"  read from: {node.at}"


class _Branch:
    """A link as the tree shows it: what stands behind it, and its meaning from there."""

    def __init__(self, edge: LineageEdge, way: str) -> None:
        self.other = edge.source if way == UP else edge.target
        self.meaning, self.way = edge.meaning, way


def _branches(edges: tuple[LineageEdge, ...], way: str) -> dict[str, list[_Branch]]:
    """Return the links of each node, the kinds in a fixed order."""
    branches: dict[str, list[_Branch]] = {}
    for edge in edges:
        own = edge.target if way == UP else edge.source
        branches.setdefault(own, []).append(_Branch(edge, way))
    for listed in branches.values():
        listed.sort(key=lambda branch: _ORDER[branch.other.partition(":")[0]])
    return branches


def _below(
    root: str,
    nodes: Mapping[str, LineageNode],
    branches: Mapping[str, list[_Branch]],
    told: set[str],
) -> Iterator[str]:
    """Give the lines below a node, depth first; without recursion, for a chain may be long."""
    waiting: list[tuple[_Branch | str, str, bool]] = _listed(branches.get(root, []), "")
    while waiting:
        branch, indent, is_last = waiting.pop()
        corner, bar = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        if isinstance(branch, str):
            yield f"{indent}{corner}{branch}"
            continue
        is_new = branch.other not in told
        told.add(branch.other)
        yield f"{indent}{corner}{_line(nodes[branch.other], branch, is_new=is_new)}"
        if is_new:
            waiting += _listed(branches.get(branch.other, []), f"{indent}{bar}")


def _listed(branches: list[_Branch], indent: str) -> list[tuple[_Branch | str, str, bool]]:
    """Return the branches to show, the first of them last: many of one meaning are counted."""
    groups: dict[str, list[_Branch]] = {}
    for branch in branches:
        groups.setdefault(f"{branch.other.partition(':')[0]} {branch.meaning}", []).append(branch)
    shown: list[_Branch | str] = []
    for group in groups.values():
        # The latest come last, and are worth more than the earliest.
        shown += group[-MOST:]
        if len(group) > MOST:
            kind = group[0].other.partition(":")[0]
            shown.append(f"… and {len(group) - MOST} earlier {kind}s; --json lists all of them")
    last = len(shown) - 1
    return [(branch, indent, number == last) for number, branch in enumerate(shown)][::-1]


def _line(node: LineageNode, branch: _Branch, *, is_new: bool) -> str:
    """Return a node with its link: a cause is followed by it, before an effect it stands."""
    shown = _told(node) if is_new else f"{node.ref.kind} {node.name}, see above"
    return f"{shown} ({branch.meaning} it)" if branch.way == UP else f"{branch.meaning} {shown}"


def _told(node: LineageNode) -> str:
    state = f" [{node.state}]" if node.state else ""
    summary = f": {node.summary}" if node.summary else ""
    return f"{node.ref.kind} {node.name}{state}{summary}"
