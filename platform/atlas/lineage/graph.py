"""The lineage of a thing: nodes, the links between them, and what is broken."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = 1
"""Of the JSON; `schemas/lineage.v1.json` describes it."""
UP, DOWN, BOTH = DIRECTIONS = ("up", "down", "both")
"""What a thing came of, what came of it, or both."""
ALTERED = "altered"
"""What is there contradicts what was recorded of it."""
MISSING = "missing"
"""It was recorded, and isn't there any more."""
CHANGED = "changed"
"""A source of data has other content by now, which isn't a fault by itself."""
UNCHECKED = "unchecked"
"""It couldn't be compared: somebody doesn't answer, or it would take too long."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Names a node: its kind, and what tells it from others of the kind."""

    kind: str
    key: str

    @property
    def id(self) -> str:
        """What names it among all nodes: ``run:prices/training-1``."""
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True, slots=True)
class LineageNode:
    """One thing in a lineage.

    Attributes:
        ref: names it.
        name: what people call it.
        summary: the most important of its facts, in a few words.
        facts: what is known of it, by name.
        at: where that was read.
        state: empty for a thing that is as it was recorded; else ``altered``, ``missing`` or
            ``unchecked``.
    """

    ref: Ref
    name: str
    summary: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    state: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        facts = {key: fact for key, fact in self.facts.items() if fact}
        own = {"name": self.name, "summary": self.summary, "facts": facts, "at": self.at}
        return {"id": self.ref.id, "kind": self.ref.kind, **own, "state": self.state}


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """A link: the target came of the source.

    Attributes:
        source: id of the cause.
        target: id of what came of it.
        meaning: how, such as ``registered``; read as source, meaning, target.
    """

    source: str
    target: str
    meaning: str

    def to_json(self) -> dict[str, str]:
        """Return it as plain data."""
        return {"source": self.source, "target": self.target, "meaning": self.meaning}


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """What doesn't fit.

    Attributes:
        state: ``altered``, ``missing``, ``changed`` or ``unchecked``.
        node: id of the node that it was found at.
        where: what was looked at.
        found: what is there.
        expected: what was recorded, and by whom.
    """

    state: str
    node: str
    where: str
    found: str
    expected: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as plain data."""
        names = ("state", "node", "where", "found", "expected")
        return {name: getattr(self, name) for name in names}

    def line(self) -> str:
        """Return it in words."""
        expected = f"; expected {self.expected}" if self.expected else ""
        return f"{self.state}: {self.where}: found {self.found}{expected}"


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a thing comes from, and what came of it.

    Attributes:
        thing: what was asked for, as it was given.
        roots: ids of the nodes that it is.
        direction: ``up``, ``down`` or ``both``.
        nodes: each once; the roots first, then the nearest.
        edges: each once.
        broken: what doesn't fit.
        unasked: who couldn't be asked, and why.
    """

    thing: str
    roots: tuple[str, ...]
    direction: str
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    broken: tuple[BrokenLink, ...] = ()
    unasked: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found to be altered."""
        return not any(link.state == ALTERED for link in self.broken)

    @property
    def by_id(self) -> dict[str, LineageNode]:
        """The nodes by their ids."""
        return {node.ref.id: node for node in self.nodes}

    def of_kind(self, kind: str) -> list[LineageNode]:
        """Return the nodes of a kind."""
        return [node for node in self.nodes if node.ref.kind == kind]

    def to_json(self) -> dict[str, Any]:
        """Return the lineage as plain data, as `schemas/lineage.v1.json` describes it."""
        return {
            "version": VERSION,
            "thing": self.thing,
            "roots": list(self.roots),
            "direction": self.direction,
            "nodes": _plain(self.nodes),
            "edges": _plain(self.edges),
            "broken": _plain(self.broken),
            "unasked": list(self.unasked),
        }


def _plain(items: Iterable[Any]) -> list[Any]:
    return [item.to_json() for item in items]


def short(digest: str) -> str:
    """Return the beginning of a digest or commit, for people."""
    head, colon, tail = digest.rpartition(":")
    return f"{head}{colon}{tail[:12]}"
