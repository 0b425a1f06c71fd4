"""What has become of events, as far as whoever shows them knows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.monitor.events import events, result_of

if TYPE_CHECKING:
    from atlas.monitor.events import TriggerEvent
    from atlas.store import Store

OPEN, FAILED = "open", "failed"
UNDER_WAY = frozenset((OPEN, "waiting", "blocked", "running", "registered"))
"""States after which something still comes of an event by itself, or by somebody's decision."""


@dataclass(frozen=True, slots=True)
class EventState:
    """What has become of one event.

    Attributes:
        event: the event.
        state: ``open``, or how its retraining stands: ``waiting``, ``running``, ``promoted``…
        why: the reason in words.
        until: when its retraining may begin at the earliest, ISO 8601; empty where it isn't known.
        run: the training run's id; empty before there is one.
        version: the version that it made; empty for none.
    """

    event: TriggerEvent
    state: str = OPEN
    why: str = ""
    until: str = ""
    run: str = ""
    version: str = ""

    @property
    def is_under_way(self) -> bool:
        """Whether something is still to come of it."""
        return self.state in UNDER_WAY

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, the event by its id."""
        event = self.event
        own = {name: value for name, value in asdict(self).items() if name != "event"}
        facts = {"id": event.id, "trigger": event.trigger, "champion": event.version}
        return {**facts, "created": event.created, **own}


def recorded_states(store: Store, pipeline: str) -> tuple[EventState, ...]:
    """Return what has become of a pipeline's events, by their results alone, the oldest first.

    Raises:
        StoreError: an event or its result can't be read.
    """
    return tuple(
        EventState(event, result_of(store, pipeline, event.id) or OPEN)
        for event in events(store, pipeline)
    )
