"""A DAG in the margin of a text: a row for each node, a lane for each that is still to be read."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LINES = {
    "ud": "│", "lr": "─", "ur": "╰", "ul": "╯", "udr": "├", "udl": "┤", "ulr": "┴", "udlr": "┼",
}  # fmt: skip
"""Where a cell leads (up, down, left, right) → its character."""


class Row(NamedTuple):
    """A node, and the characters before it, with a NUL where its sign goes."""

    node: str
    margin: str


def rows(upstream: Mapping[str, Sequence[str]], most: int) -> list[Row]:
    """Return a row for every node, each below all that it reads, readers close to what they read.

    Args:
        upstream: node → its upstream nodes, without cycles.
        most: how many lanes there may be; if more are needed, there are none at all.
    """
    readers = dict.fromkeys(upstream, 0)
    for parents in upstream.values():
        for parent in parents:
            readers[parent] += 1
    lanes = _Lanes(readers)
    rows = []
    for node in _depth_first(upstream):
        rows.append(Row(node, lanes.advance(node, upstream[node])))
        if len(lanes.carried) > most:
            return [Row(node, "\0") for node in _depth_first(upstream)]
    return rows


def _depth_first(upstream: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Give the nodes, each right after what it reads and nothing else does."""
    seen: set[str] = set()
    for root in _sinks_first(upstream):
        waiting = [(root, False)]
        while waiting:
            node, done = waiting.pop()
            if done:
                yield node
            elif node not in seen:
                seen.add(node)
                waiting.append((node, True))
                waiting += ((parent, False) for parent in reversed(upstream[node]))


def _sinks_first(upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """Return all nodes; those that nothing reads come first, in the order of the drawing."""
    read = {parent for parents in upstream.values() for parent in parents}
    return sorted(upstream, key=read.__contains__)


@dataclass
class _Lanes:
    """The lanes beside the rows so far: which node each carries downwards, or None."""

    unread: dict[str, int]
    carried: list[str | None] = field(default_factory=list)

    def advance(self, node: str, parents: Sequence[str]) -> str:
        """Return a node's margin, and go on below it."""
        before = list(self.carried)
        read = [lane for lane, carried in enumerate(before) if carried in parents]
        for lane in read:
            self._read(lane)
        own = self._lane_for(read)
        below = [carried is not None for carried in self.carried]
        margin = _margin(before, below, read, own)
        self.carried[own] = node if self.unread[node] else None
        while self.carried and self.carried[-1] is None:
            self.carried.pop()
        return margin

    def _read(self, lane: int) -> None:
        """Count one reading of a lane; the last one ends it."""
        carried = self.carried[lane]
        if carried is not None:
            self.unread[carried] -= 1
            self.carried[lane] = carried if self.unread[carried] else None

    def _lane_for(self, read: Sequence[int]) -> int:
        """Return where a node goes: below what it is the last to read, else where there is room."""
        ended = [lane for lane in read if self.carried[lane] is None]
        free = [lane for lane, carried in enumerate(self.carried) if carried is None]
        if not free:
            self.carried.append(None)
        return [*ended, *free, len(self.carried) - 1][0]


def _margin(
    before: Sequence[str | None], below: Sequence[bool], read: Sequence[int], own: int
) -> str:
    """Return one row's margin: lanes that pass, and a line from those that are read to the node."""
    first, last = min([own, *read]), max([own, *read])
    cells = []
    for lane in range(len(below)):
        above = lane < len(before) and before[lane] is not None
        left, right = first < lane <= last, first <= lane < last
        if lane == own:
            cell = "\0"
        elif above and lane not in read:
            cell = "│"
        else:
            leads = (above, below[lane] and above, left, right)
            cell = _LINES.get(
                "".join(c for c, is_open in zip("udlr", leads, strict=True) if is_open), " "
            )
        cells.append(cell + ("─" if right else " "))
    return "".join(cells).rstrip()
