"""The parts of a drawing, one for each flow of a Config, and the ids of what is drawn of them."""

from __future__ import annotations

from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.draw.model import FAMILY, PIPELINE, TIMES
from atlas.draw.searches import DrawnSearch, searches_of
from atlas.validate.scoring_rules import CHALLENGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from atlas.plan.model import Plan
    from atlas.plan.parts import InputSource


@dataclass(frozen=True)
class DrawnPart:
    """One flow of one Config: the Plan that is drawn, for all members of its family.

    Attributes:
        plan: the first member.
        members: all members' Plans, the first among them.
        scope: what goes before its ids; empty when nothing else is drawn.
        elsewhere: kind of reference, name and step → the node of that step, where the pipeline
            or family is drawn beside this one.
    """

    plan: Plan
    members: tuple[Plan, ...]
    scope: str = ""
    elsewhere: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The part's name and flow, with the number of members of a family."""
        name = self.plan.config if self.plan.axes else self.plan.pipeline
        many = f" {TIMES} {len(self.members)} members" if len(self.members) > 1 else ""
        return f"{name} · {self.plan.flow}{many}"

    @cached_property
    def searches(self) -> Mapping[str, DrawnSearch]:
        """Full name of a step that a search finds the params of → the search."""
        return searches_of(self.plan)

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        """A step of a search's rounds → the step that stands for them all."""
        return {one: name for name, search in self.searches.items() for one in search.steps}

    def is_folded(self, name: str) -> bool:
        """Return whether a step is one of a search's rounds, which have no nodes of their own."""
        return name in self._folded

    def drawn_name(self, name: str) -> str:
        """Return the full name of the step that is drawn where a step is meant."""
        return self._folded.get(name, name)

    def step_id(self, name: str) -> str:
        """Return the id of a step, or of a group of them."""
        return self.scoped(self.drawn_name(name))

    def scoped(self, name: str) -> str:
        """Return a full name with what tells this part from others before it."""
        return f"{self.scope}/{name}" if self.scope else name

    def shared_id(self, name: str) -> str:
        """Return the id of what the flows of one Config share: data and the model."""
        return f"{self.plan.config}/{name}" if self.scope else name

    def node_elsewhere(self, given: InputSource) -> str:
        """Return the id of another pipeline's step, where that is drawn too, or nothing."""
        kind = PIPELINE if given.kind == "history" else given.kind
        return self.elsewhere.get((kind, given.name, given.step), "")

    def source_id(self, given: InputSource) -> str:
        """Return the id of the node that stands for a source."""
        if place := self.node_elsewhere(given):
            return place
        if given.kind == "step":
            return self.step_id(given.name)
        if given.kind in ("model", CHALLENGER):
            return self.shared_id(given.kind)
        if given.kind == "data":
            return self.shared_id(f"data.{given.name}")
        if given.kind == "input":
            return self.step_id(f"input.{given.name}")
        return self.step_id(f"{given.kind}:{given.name}")


def parts_of(plans: Iterable[Plan], *, scoped: bool | None) -> list[DrawnPart]:
    """Return the parts, one for each Config and flow.

    Args:
        plans: in the order in which to draw them.
        scoped: whether ids tell Config and flow; by default, if there are several.
    """
    grouped: dict[tuple[str, str], list[Plan]] = {}
    for plan in plans:
        grouped.setdefault((plan.config, plan.flow), []).append(plan)
    if not (len(grouped) > 1 if scoped is None else scoped):
        return [DrawnPart(members[0], tuple(members)) for members in grouped.values()]
    parts = [DrawnPart(group[0], tuple(group), "/".join(key)) for key, group in grouped.items()]
    return [replace(part, elsewhere=_places(parts, part)) for part in parts]


def _places(parts: Sequence[DrawnPart], reader: DrawnPart) -> dict[tuple[str, str, str], str]:
    """Return the steps of the other parts, by how a reference names them; earlier parts win."""
    places: dict[tuple[str, str, str], str] = {}
    for part in parts:
        if part is not reader:
            for kind, name in {(FAMILY, part.plan.config), *_pipelines(part)}:
                for step in part.plan.steps:
                    places.setdefault((kind, name, step.name), part.step_id(step.name))
    return places


def _pipelines(part: DrawnPart) -> Iterator[tuple[str, str]]:
    return ((PIPELINE, plan.pipeline) for plan in part.members)
