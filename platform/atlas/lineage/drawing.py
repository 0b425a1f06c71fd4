"""A lineage as a drawing: causes before effects, what was asked for marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw import Drawing, Edge, Node
from atlas.draw.model import CHANGED, DATA, FAMILY, MODEL, PIPELINE, RECIPE, REMOVED, STEP
from atlas.lineage.graph import ALTERED, MISSING
from atlas.lineage.kinds import kind as kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.graph import Lineage, LineageNode

MOST = 40
"""Nodes of one kind that are drawn; the last one then stands for all the others."""
_SHAPES = {
    kinds.ARTIFACT: DATA,
    kinds.DATA: DATA,
    kinds.MODEL: MODEL,
    kinds.RUN: PIPELINE,
    kinds.DEPLOYMENT: FAMILY,
    kinds.RELEASE: RECIPE,
}
_STATES = {ALTERED: CHANGED, MISSING: REMOVED}


def drawing_of(lineage: Lineage) -> Drawing:
    """Return a lineage as a drawing; of many nodes of a kind only the nearest are in it."""
    shown = {node.ref.id: node for node in _nearest(lineage)}
    edges = tuple(
        Edge(edge.source, edge.target, note=f"{edge.source} {edge.meaning} {edge.target}")
        for edge in lineage.edges
        if edge.source in shown and edge.target in shown
    )
    left_out = len(lineage.nodes) - len(shown)
    more = (f"{left_out} more are in the JSON",) if left_out else ()
    notes = (*(link.line() for link in lineage.broken[:MOST]), *more)
    nodes = tuple(_node(node, is_root=id_ in lineage.roots) for id_, node in shown.items())
    return Drawing(f"lineage of {lineage.thing}", nodes, edges, notes=notes)


def _nearest(lineage: Lineage) -> Iterator[LineageNode]:
    count: dict[str, int] = {}
    for node in lineage.nodes:
        kind = node.ref.kind
        count[kind] = count.get(kind, 0) + 1
        if count[kind] <= MOST:
            yield node


def _node(node: LineageNode, *, is_root: bool) -> Node:
    facts = {name: fact for name, fact in node.facts.items() if fact}
    return Node(
        id=node.ref.id,
        label=f"{'» ' if is_root else ''}{node.ref.kind} {_label(node)}",
        kind=_SHAPES.get(node.ref.kind, STEP),
        detail=node.summary,
        facts={**facts, "read from": node.at},
        change=_STATES.get(node.state, ""),
        noun=node.ref.kind,
    )


def _label(node: LineageNode) -> str:
    """Return a node's name; of a run its id alone, for the box is small."""
    return node.name.partition("/")[2] if node.ref.kind == kinds.RUN else node.name
