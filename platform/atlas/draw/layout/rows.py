"""Rows for the boxes of one level: below what they read, and never wider than the page."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class LayoutRows:
    """Rows that are filled one by one; a row that is full sends what comes to the next one.

    Attributes:
        widths: item → its width, the gap after it included.
        limit: how wide a row may be; a single item may be wider.
        wrapped: whether a row was ever full.
    """

    widths: Mapping[str, float]
    limit: float
    wrapped: bool = False
    row_of: dict[str, int] = field(default_factory=dict)
    _used: dict[int, float] = field(default_factory=dict)

    def put(self, item: str, row: int) -> None:
        """Put an item in the first row from this one on that has room."""
        while self._used.get(row, 0) and not self._has_room(item, row):
            row += 1
            self.wrapped = True
        self.row_of[item] = row
        self._used[row] = self._used.get(row, 0) + self.widths[item]

    def move(self, item: str, row: int) -> None:
        """Move an item down to the last row that has room, up to this one."""
        while row > self.row_of[item] and not self._has_room(item, row):
            row -= 1
        if row > self.row_of[item]:
            self._used[self.row_of[item]] -= self.widths[item]
            self._used[row] = self._used.get(row, 0) + self.widths[item]
            self.row_of[item] = row

    def _has_room(self, item: str, row: int) -> bool:
        return self._used.get(row, 0) + self.widths[item] <= self.limit


def assign(upstream: Mapping[str, Sequence[str]], rows: LayoutRows) -> dict[str, int]:
    """Return item → row, each below all that it reads, in rows that keep to their limit.

    List scheduling as in Coffman and Graham (1972): in topological order, each into the first row
    with room. Then what gives to no fewer than it reads moves down to its first reader.

    Args:
        upstream: item → the items above it, in a topological order.
        rows: with the widths and the limit; nothing in them yet.
    """
    readers: dict[str, list[str]] = {item: [] for item in upstream}
    for item, parents in upstream.items():
        rows.put(item, max((rows.row_of[parent] + 1 for parent in parents), default=0))
        for parent in parents:
            readers[parent].append(item)
    for item in reversed([*upstream]):
        if readers[item] and len(upstream[item]) <= len(readers[item]):
            rows.move(item, min(rows.row_of[reader] for reader in readers[item]) - 1)
    return _closed(rows.row_of)


def _closed(row_of: Mapping[str, int]) -> dict[str, int]:
    """Return the same rows, numbered without gaps."""
    numbers = {row: number for number, row in enumerate(sorted(set(row_of.values())))}
    return {item: numbers[row] for item, row in row_of.items()}
