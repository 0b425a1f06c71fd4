"""Walking a lineage: from what was asked for to its causes, to its effects, or both."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from atlas.lineage.graph import BOTH, DOWN, UP, Lineage, LineageEdge, LineageNode, Ref
from atlas.lineage.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.sources import LineageSources

UNBOUND = 1 << 30
"""More links than any lineage has one behind the other."""


def trace(
    sources: LineageSources,
    thing: str,
    roots: Iterable[Ref],
    *,
    direction: str = BOTH,
    depth: int = UNBOUND,
) -> Lineage:
    """Return the lineage of some nodes.

    Args:
        sources: where it is read from; what is broken is recorded there.
        thing: what was asked for, as it was given.
        roots: the nodes that it is.
        direction: ``up``, ``down`` or ``both``.
        depth: how many links to follow, one behind the other.

    Raises:
        StoreError: the store can't be read at all.
    """
    roots = tuple(dict.fromkeys(roots))
    walk = _Walk(sources, frozenset(roots))
    for way in (UP, DOWN) if direction == BOTH else (direction,):
        walk.follow(roots, way, depth)
    return Lineage(
        thing,
        tuple(ref.id for ref in roots),
        direction,
        tuple(walk.nodes.values()),
        tuple(walk.edges),
        tuple(sources.broken),
        tuple(sources.unasked),
    )


class _Walk:
    """A walk on its way: what was read, and how it is linked."""

    def __init__(self, sources: LineageSources, roots: frozenset[Ref]) -> None:
        self.sources, self.roots = sources, roots
        self.nodes: dict[Ref, LineageNode] = {}
        self.edges: dict[LineageEdge, None] = {}

    def follow(self, roots: Iterable[Ref], way: str, depth: int) -> None:
        """Follow the links one way, the nearest first."""
        seen = set(roots)
        waiting = deque((ref, 0) for ref in roots)
        while waiting:
            ref, steps = waiting.popleft()
            self._read(ref)
            for ref_and_meaning in self._related(ref, way) if steps < depth else ():
                self._link(ref, ref_and_meaning, way)
                if ref_and_meaning.ref not in seen:
                    seen.add(ref_and_meaning.ref)
                    waiting.append((ref_and_meaning.ref, steps + 1))

    def _read(self, ref: Ref) -> None:
        if ref not in self.nodes:
            self.nodes[ref] = KINDS[ref.kind].read(self.sources, ref.key)

    def _related(self, ref: Ref, way: str) -> Iterable[RelatedRef]:
        kind = KINDS[ref.kind]
        if way == DOWN:
            return kind.effects(self.sources, ref.key)
        return kind.causes(self.sources, ref.key, is_root=ref in self.roots)

    def _link(self, ref: Ref, other: RelatedRef, way: str) -> None:
        source, target = (other.ref, ref) if way == UP else (ref, other.ref)
        self.edges[LineageEdge(source.id, target.id, other.meaning)] = None
