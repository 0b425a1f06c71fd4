"""How far a run is, and what has happened in it, for whoever watches."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from atlas.runner.events import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.plan import Plan
    from atlas.runner.units import Unit
    from atlas.step import Outcome


class RunProgress:
    """Counts the units of a run that are done, and keeps its events until they are taken.

    Attributes:
        done: how many units are done.
        total: how many there are; of a ``foreach`` that hasn't begun, one.
    """

    def __init__(self, plan: Plan) -> None:
        """Begin at nothing done, of a unit for each step."""
        self.done, self.total = 0, len(plan.steps)
        self._flow = (plan.name, plan.flow)
        self._events: deque[Event] = deque()

    def tell(
        self,
        kind: str,
        run: str,
        unit: Unit | None = None,
        outcome: Outcome | None = None,
        text: str = "",
    ) -> None:
        """Note that something has happened.

        Args:
            kind: one of `atlas.runner.events`.
            run: the run's id.
            unit: what it happened to; None for the run.
            outcome: how the unit ended, where it has.
            text: what else there is to say.
        """
        step, item = unit or ("", None)
        counts = (self.done, self.total)
        self._events.append(Event(kind, *self._flow, run, step, item, outcome, *counts, text))

    def events(self) -> Iterator[Event]:
        """Give what has happened since it was last asked."""
        while self._events:
            yield self._events.popleft()
