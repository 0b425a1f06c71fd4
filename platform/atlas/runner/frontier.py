"""Which steps of a graph are free to go, as others are done or fail."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from atlas.graph import reverse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Frontier:
    """The edge between what is done and what isn't."""

    def __init__(self, edges: Mapping[str, Sequence[str]]) -> None:
        """Begin with nothing done.

        Args:
            edges: step → its upstream steps.
        """
        self._followers = reverse(edges)
        self._missing = {name: len(set(upstream)) for name, upstream in edges.items()}

    def first(self) -> list[str]:
        """Return the steps that wait for none."""
        return [name for name, missing in self._missing.items() if not missing]

    def freed_by(self, name: str) -> list[str]:
        """Return the steps that were waiting only for this one, which is done now."""
        freed = []
        for follower in self._followers[name]:
            self._missing[follower] -= 1
            if not self._missing[follower]:
                freed.append(follower)
        return freed

    def behind(self, name: str) -> list[str]:
        """Return every step that can't be reached without this one being done, nearest first."""
        names: dict[str, None] = {}
        waiting = deque(self._followers[name])
        while waiting:
            follower = waiting.popleft()
            if follower not in names:
                names[follower] = None
                waiting.extend(self._followers[follower])
        return list(names)
