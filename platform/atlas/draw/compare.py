"""Two Drawings as one: what was added, what was removed, what changed and how."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.draw.facts import OF
from atlas.draw.model import ADDED, CHANGED, REMOVED, Drawing, Edge, Node

if TYPE_CHECKING:
    from atlas.draw.model import Facts, Group

_NOTHING = "nothing"


def diff(old: Drawing, new: Drawing) -> Drawing:
    """Return one drawing of two versions, each node and edge marked by its `change`.

    Args:
        old: the version before.
        new: the version after; its order, labels and groups win.

    Returns:
        Everything of both. A node in both whose facts differ is ``changed``, and says from what to
        what; the notes tell the same of the whole.
    """
    title = new.title if old.title == new.title else f"{old.title} -> {new.title}"
    both = {_part(name) for name in old.facts} & {_part(name) for name in new.facts}
    changes = _changes(old.facts, new.facts)
    notes = [f"{name}: {change}" for name, change in changes.items() if _part(name) in both]
    nodes, edges = _nodes(old, new), _edges(old, new)
    if not (notes or any(n.change for n in nodes) or any(e.change for e in edges)):
        notes = ["no difference"]
    groups = _united(old.groups, new.groups)
    return Drawing(title, nodes, edges, groups, (*new.notes, *notes), new.facts)


def _part(name: str) -> str:
    """Return the part of a drawing that a fact is of; empty where there is only one."""
    return name.rpartition(OF)[0]


def _nodes(old: Drawing, new: Drawing) -> tuple[Node, ...]:
    """Return the nodes of both, with what became of each."""
    before = {node.id: node for node in old.nodes}
    kept = {node.id for node in new.nodes}
    now = [_compared(before.get(node.id), node) for node in new.nodes]
    return (*now, *(replace(n, change=REMOVED) for n in old.nodes if n.id not in kept))


def _compared(before: Node | None, now: Node) -> Node:
    """Return a node of the new version with how it differs from the old one."""
    if before is None:
        return replace(now, change=ADDED)
    changes = _changes({"kind": before.kind, **before.facts}, {"kind": now.kind, **now.facts})
    return replace(now, change=CHANGED, changes=changes) if changes else now


def _edges(old: Drawing, new: Drawing) -> tuple[Edge, ...]:
    """Return the edges of both, each added, removed or as it was."""
    before, now = {_key(edge) for edge in old.edges}, {_key(edge) for edge in new.edges}
    kept = (e if _key(e) in before else replace(e, change=ADDED) for e in new.edges)
    gone = (replace(e, change=REMOVED) for e in old.edges if _key(e) not in now)
    return (*kept, *gone)


def _key(edge: Edge) -> tuple[str, str, str, str]:
    return edge.source, edge.target, edge.label, edge.kind


def _changes(before: Facts, now: Facts) -> dict[str, str]:
    """Return the facts that differ, as ``before -> after``."""
    return {
        name: f"{before.get(name, _NOTHING)} -> {now.get(name, _NOTHING)}"
        for name in dict.fromkeys((*before, *now))
        if before.get(name) != now.get(name)
    }


def _united(old: tuple[Group, ...], new: tuple[Group, ...]) -> tuple[Group, ...]:
    """Return the new groups, then the old ones that are there no more."""
    known = {group.id for group in new}
    return (*new, *(group for group in old if group.id not in known))
