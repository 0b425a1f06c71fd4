"""What a kind of node has to know of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from atlas.lineage.graph import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.graph import LineageNode
    from atlas.lineage.sources import LineageSources

ARTIFACT, RUN, MODEL, DECISION, DATA = "artifact", "run", "model", "decision", "data"
PLAN, CODE, IMAGE, COMMIT = "plan", "code", "image", "commit"
RELEASE, DEPLOYMENT = "release", "deployment"


class RelatedRef(NamedTuple):
    """A cause or an effect of a node, and how the two are linked: cause, meaning, effect."""

    ref: Ref
    meaning: str


class LineageKind(Protocol):
    """One kind of node."""

    name: str

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a node with its facts, once it has been compared with all that says the same."""

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give what a node came of.

        Args:
            sources: where it is read from.
            key: the node's.
            is_root: whether it is what was asked for: a deployment of many pipelines then says all
                that it is of, else only what matters to each of them.
        """

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give what came of a node."""


def related(kind: str, key: str, meaning: str) -> RelatedRef:
    """Return a cause or an effect."""
    return RelatedRef(Ref(kind, key), meaning)


def commit_of(text: str) -> str:
    """Return the id of a recorded commit, without the sign that files had changed since."""
    return text.removesuffix("-dirty")
