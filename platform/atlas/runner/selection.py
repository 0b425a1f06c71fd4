"""Which steps of a Plan a run is for: ``--from``, ``--until``, ``--only``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.graph import ancestors, descendants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.plan import Plan


@dataclass(frozen=True, slots=True)
class Selection:
    """Names of steps; all are empty for the whole Plan.

    Attributes:
        start: run from these on: they and what follows them.
        until: run up to these: they and what they need.
        only: run only these.
    """

    start: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether anything is selected at all."""
        return bool(self.start or self.until or self.only)

    def steps_of(self, plan: Plan) -> set[str]:
        """Return the full names of the steps to run.

        Raises:
            AtlasError: the Plan has no such step.
        """
        edges = {step.name: step.upstream() for step in plan.steps}
        chosen = set(edges)
        if self.start:
            start = _named(plan, self.start)
            chosen &= start | descendants(edges, start)
        if self.until:
            until = _named(plan, self.until)
            chosen &= until | ancestors(edges, until)
        return chosen & _named(plan, self.only) if self.only else chosen


def _named(plan: Plan, names: Iterable[str]) -> set[str]:
    """Return the steps of some names; the name of an inlined Recipe stands for all of its steps."""
    steps: set[str] = set()
    for name in names:
        of_name = {step for step in plan.by_name if step == name or step.startswith(f"{name}.")}
        if not of_name:
            known = ", ".join(plan.by_name)
            raise AtlasError(f"{plan.name}, {plan.flow}: no step '{name}'; it has {known}")
        steps |= of_name
    return steps
