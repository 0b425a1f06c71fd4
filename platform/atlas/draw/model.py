"""The Drawing: what a picture of pipelines shows, before any format or geometry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Any, TypeAlias

from atlas.dataclass import dataclass
from atlas.graph import without_cycles

Facts: TypeAlias = Mapping[str, str]
"""What a reader may want to know of a thing, by a dotted name (``params.trees``)."""

STEP, DATA, MODEL, PIPELINE, FAMILY, RECIPE, CONDITION = KINDS = (
    "step", "data", "model", "pipeline", "family", "recipe", "condition",
)  # fmt: skip
"""Kinds of nodes; each has a shape of its own. A recipe is a step that isn't inlined yet."""

READS, WRITES, ORDER = EDGES = ("reads", "writes", "order")
"""Kinds of edges: a step reads, a step writes data, or only one comes before the other."""

ADDED, REMOVED, CHANGED = CHANGES = ("added", "removed", "changed")
"""What a comparison says of a node or an edge."""

OUTCOMES = ("ran", "cached", "failed", "skipped", "running", "waiting")
"""What a run says of a step; each has a colour and a sign."""

TIMES = "\N{MULTIPLICATION SIGN}"

Marks: TypeAlias = Mapping[str, str]
"""A node's id → its outcome in a run, one of `OUTCOMES`."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in the picture.

    Attributes:
        id: unique in the drawing; a step's full name (``features.scale``) where it draws one Plan.
        label: what is written first; a step's name without that of its group.
        kind: one of `KINDS`.
        detail: the second line, such as the class; or empty.
        group: id of the innermost group around it, or empty.
        many: what it is there many times for, such as ``list.regions``; or empty.
        facts: what to show on hover, and what a comparison compares.
        change: one of `CHANGES`, or empty.
        changes: the name of each fact that changed → ``before -> after``.
        noun: what its kind is called in this drawing; empty for the kind's own name.
        is_rival: whether it is the challenger's, beside the model that is followed: drawn dashed.
        search: of a step whose params a search finds, how many trials it has; or empty.
        parts: ids of further steps that it stands for: the rounds of its search.
    """

    id: str
    label: str
    kind: str = STEP
    detail: str = ""
    group: str = ""
    many: str = ""
    facts: Facts = field(default_factory=dict)
    change: str = ""
    changes: Facts = field(default_factory=dict)
    noun: str = ""
    is_rival: bool = False
    search: str = ""
    parts: tuple[str, ...] = ()

    @property
    def is_stack(self) -> bool:
        """Whether it stands for several of its kind, and is drawn as a stack of them."""
        return bool(self.many or self.search)

    def times(self) -> str:
        """Return what it is there many times for, as it is written; or nothing."""
        if self.search:
            return f"search: {self.search}"
        return f"{TIMES} {self.many}" if self.many else ""

    def outcome(self, marks: Marks) -> str:
        """Return how a run's steps that it stands for ended, taken together; empty if unknown."""
        ended = [marks[one] for one in (self.id, *self.parts) if marks.get(one)]
        worst = next((outcome for outcome in ("failed", "running") if outcome in ended), "")
        if worst or not ended:
            return worst
        if not marks.get(self.id):
            return "running"
        return "ran" if marks[self.id] == "cached" and "ran" in ended else marks[self.id]


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow, in the direction of the data.

    Attributes:
        source: id of the node that gives.
        target: id of the node that takes.
        label: the output given, where the source has several.
        note: what to show on hover: output, type and input.
        change: one of `CHANGES`, or empty.
        kind: one of `EDGES`.
    """

    source: str
    target: str
    label: str = ""
    note: str = ""
    change: str = ""
    kind: str = "reads"


@dataclass(frozen=True, slots=True)
class Group:
    """A box around nodes: an inlined Recipe or, among several Plans, one of them."""

    id: str
    label: str
    detail: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole picture; nodes, edges and groups in a fixed order, so that its bytes are fixed.

    Attributes:
        title: one line.
        notes: further lines: the family's members, what changed in the whole.
        facts: what to know of the whole, and what a comparison compares.
    """

    title: str
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict)

    def summary(self) -> str:
        """Return in one sentence what is drawn; the description for who can't see it."""
        parts = [_count(self, kinds, noun) for noun, kinds in _NOUNS.items()]
        nouns = Counter(node.noun for node in self.nodes if node.noun)
        parts += [_counted(number, noun) for noun, number in nouns.items()]
        parts += [_changes(self, change) for change in CHANGES]
        return f"{', '.join(part for part in parts if part)}."

    def pairs(self) -> dict[tuple[str, str], list[Edge]]:
        """Return source and target → the edges between them, which are drawn as one."""
        pairs: dict[tuple[str, str], list[Edge]] = {}
        for edge in self.edges:
            pairs.setdefault((edge.source, edge.target), []).append(edge)
        return pairs

    def upstream(self) -> dict[str, list[str]]:
        """Return node → its upstream nodes, without cycles.

        Two versions in one drawing may contradict each other; then what was removed gives way.
        Between pipelines that read each other, the one that is drawn first does.
        """
        gone = {node.id for node in self.nodes if node.change == REMOVED}
        ordered = sorted(reversed(self.nodes), key=lambda node: node.change == REMOVED)
        upstream: dict[str, list[str]] = {node.id: [] for node in ordered}
        for edge in self.edges:
            if edge.change != REMOVED or gone & {edge.source, edge.target}:
                upstream[edge.target].append(edge.source)
        kept = without_cycles(upstream)
        return {node.id: kept[node.id] for node in self.nodes}

    def outcomes(self, marks: Marks | None) -> dict[str, str]:
        """Return node → its outcome, of the nodes that a run's marks say something of."""
        found = {node.id: node.outcome(marks) for node in self.nodes} if marks else {}
        return {name: outcome for name, outcome in found.items() if outcome}

    def to_json(self) -> dict[str, Any]:
        """Return the drawing as plain data; what is empty is left out."""
        return asdict(self, dict_factory=lambda items: {k: v for k, v in items if v})


_NOUNS = {
    "step": (STEP, RECIPE),
    "data set": (DATA,),
    "condition": (CONDITION,),
    "model": (MODEL,),
    "other pipeline": (PIPELINE, FAMILY),
}


def _count(drawing: Drawing, kinds: tuple[str, ...], noun: str) -> str:
    """Return how many nodes are of some kinds, or nothing where none is."""
    number = sum(node.kind in kinds and not node.noun for node in drawing.nodes)
    return _counted(number, noun) if number else ""


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _changes(drawing: Drawing, change: str) -> str:
    """Return how many nodes changed in one way, or nothing."""
    number = sum(node.change == change for node in drawing.nodes)
    return f"{number} {change}" if number else ""
