"""Algorithms over a DAG of names: order, cycles, ancestors, descendants and layers.

Edges map a node to its upstream nodes, as a step names the steps that it reads. An upstream name
that isn't a node itself is ignored: who checks references reports it elsewhere, and a cycle is
still found beside it. Nothing recurses, so the depth of a graph is bounded by memory alone.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Edges: TypeAlias = Mapping[str, Iterable[str]]
    Adjacency: TypeAlias = dict[str, list[str]]

_SEARCH = 500_000
"""Edges that `find_cycle` looks at before it is content with the shortest cycle so far."""


def order(edges: Edges) -> list[str]:
    """Return the nodes in topological order, by name where the edges leave a choice.

    Kahn's algorithm over a heap, so equal graphs give equal orders, however they were written.

    Args:
        edges: node → its upstream nodes.

    Returns:
        Every node, each after all of its upstream nodes.

    Raises:
        ValueError: there is a cycle; the message shows the one that `find_cycle` finds.
    """
    upstream = _adjacency(edges)
    done = _kahn(upstream)
    if len(done) < len(upstream):
        cycle = find_cycle(upstream)
        raise ValueError(f"cycle: {' -> '.join((*cycle, cycle[0]))}")
    return done


def find_cycle(edges: Edges) -> tuple[str, ...]:
    """Return one cycle, as short as can be found, or nothing when there is none.

    The search is exact up to some thousand nodes in cycles; beyond, it gives the shortest cycle
    through the first of them by name.

    Args:
        edges: node → its upstream nodes.

    Returns:
        The cycle's nodes from the smallest name on; each is upstream of the next, and the last of
        the first. Empty when there is no cycle.
    """
    core = _core(_adjacency(edges))
    best: list[str] = []
    budget = _SEARCH
    for start in sorted(core):
        cycle, looked = _shortest_through(core, start, len(best) or len(core) + 1)
        best = cycle or best
        budget -= looked
        if budget < 0 or len(best) == 1:
            break
    first = best.index(min(best)) if best else 0
    return (*best[first:], *best[:first])


def ancestors(edges: Edges, nodes: Iterable[str]) -> set[str]:
    """Return everything upstream of some nodes, those themselves only if others need them."""
    return _reached(_adjacency(edges), nodes)


def descendants(edges: Edges, nodes: Iterable[str]) -> set[str]:
    """Return everything downstream of some nodes, those themselves only if fed by others."""
    return _reached(reverse(edges), nodes)


def between(edges: Edges, starts: Iterable[str], ends: Iterable[str]) -> set[str]:
    """Return everything on a way from one of some nodes to one of others, with these two."""
    first, last = set(starts), set(ends)
    return (first | descendants(edges, first)) & (last | ancestors(edges, last))


def layers(edges: Edges) -> dict[str, int]:
    """Return each node's layer: the number of edges on the longest path that leads to it.

    Raises:
        ValueError: there is a cycle.
    """
    upstream = _adjacency(edges)
    layer: dict[str, int] = {}
    for node in order(upstream):
        layer[node] = max((layer[parent] + 1 for parent in upstream[node]), default=0)
    return layer


def reverse(edges: Edges) -> dict[str, list[str]]:
    """Return the same graph the other way round: node → its downstream nodes."""
    return _reversed(_adjacency(edges))


def without_cycles(edges: Edges) -> dict[str, list[str]]:
    """Return the same graph without the edges that close a cycle, in the order of the nodes.

    A depth-first search drops each edge that leads back into the path it is on.
    """
    upstream = _adjacency(edges)
    kept: Adjacency = {node: [] for node in upstream}
    seen: set[str] = set()
    for root in upstream:
        path = {root: iter(upstream[root])} if root not in seen else {}
        seen.add(root)
        while path:
            node, parents = next(reversed(path.items()))
            parent = next(parents, None)
            if parent is None:
                del path[node]
            elif parent not in path:
                kept[node].append(parent)
                if parent not in seen:
                    seen.add(parent)
                    path[parent] = iter(upstream[parent])
    return kept


def _adjacency(edges: Edges) -> Adjacency:
    """Read every iterable once; drop repeats, and names that aren't nodes."""
    return {
        node: [parent for parent in dict.fromkeys(parents) if parent in edges]
        for node, parents in edges.items()
    }


def _reversed(upstream: Adjacency) -> Adjacency:
    downstream: Adjacency = {node: [] for node in upstream}
    for node, parents in upstream.items():
        for parent in parents:
            downstream[parent].append(node)
    return downstream


def _kahn(upstream: Adjacency) -> list[str]:
    """Return the nodes in order, without those on or behind a cycle."""
    downstream = _reversed(upstream)
    missing = {node: len(parents) for node, parents in upstream.items()}
    ready = [node for node, count in missing.items() if not count]
    heapify(ready)
    done = []
    while ready:
        node = heappop(ready)
        done.append(node)
        for child in downstream[node]:
            missing[child] -= 1
            if not missing[child]:
                heappush(ready, child)
    return done


def _core(upstream: Adjacency) -> Adjacency:
    """Return node → downstream, sorted, of what lies on cycles or between two of them."""
    done = _kahn(upstream)
    if len(done) == len(upstream):
        return {}
    behind = upstream.keys() - set(done)
    downstream = reverse({node: upstream[node] for node in behind})
    core = behind - set(_kahn(downstream))
    return {node: sorted(child for child in downstream[node] if child in core) for node in core}


def _shortest_through(core: Adjacency, start: str, limit: int) -> tuple[list[str], int]:
    """Return the shortest cycle through a node, if below the limit, and how many edges it took."""
    came: dict[str, str] = {}
    depth = {start: 0}
    queue = deque([start])
    looked = 0
    while queue:
        node = queue.popleft()
        if depth[node] + 1 >= limit:
            break
        for child in core[node]:
            looked += 1
            if child == start:
                return _path_to(node, came), looked
            if child not in depth:
                depth[child], came[child] = depth[node] + 1, node
                queue.append(child)
    return [], looked


def _path_to(node: str, came: dict[str, str]) -> list[str]:
    """Return the path that a search took to a node, first to last."""
    path = [node]
    while path[-1] in came:
        path.append(came[path[-1]])
    return path[::-1]


def _reached(adjacency: Adjacency, nodes: Iterable[str]) -> set[str]:
    """Return what can be reached from some nodes along at least one edge."""
    reached: set[str] = set()
    waiting = [node for node in nodes if node in adjacency]
    while waiting:
        fresh = [near for near in adjacency[waiting.pop()] if near not in reached]
        reached.update(fresh)
        waiting.extend(fresh)
    return reached
