"""A drawing's nodes inside its groups, in the order in which text formats write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw.model import Group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.draw.model import Drawing, Node


def nested(drawing: Drawing) -> Iterator[tuple[int, Node | Group | None]]:
    """Give depth and thing: a node, a group that opens, or None for one that closes.

    A group without any node, its inner groups included, isn't given.
    """
    children = _children(drawing)
    waiting: list[tuple[int, Node | Group | None]] = []
    waiting += ((1, child) for child in reversed(children.get("", [])))
    while waiting:
        depth, thing = waiting.pop()
        yield depth, thing
        if isinstance(thing, Group):
            waiting.append((depth, None))
            waiting += ((depth + 1, child) for child in reversed(children[thing.id]))


def _children(drawing: Drawing) -> dict[str, list[Node | Group]]:
    """Return what lies directly in each group that holds anything, nodes first."""
    groups = {group.id: group for group in drawing.groups}
    children: dict[str, list[Node | Group]] = {}
    for node in drawing.nodes:
        children.setdefault(node.group, []).append(node)
        inner = node.group
        while inner and groups[inner] not in children.get(groups[inner].parent, []):
            children.setdefault(groups[inner].parent, []).append(groups[inner])
            inner = groups[inner].parent
    return {
        name: sorted(inside, key=lambda item: isinstance(item, Group))
        for name, inside in children.items()
    }
