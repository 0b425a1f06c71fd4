"""An event's retraining, from whatever is recorded of it to where it can get now.

Each move is recorded before the next is made, under the event's own name, which one process at a
time holds. A run has an id that follows from the event, so a target is given it once however often
it is asked. So the same call, repeated after a crash, by two processes or by two machines, comes to
one run and one end.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.retraining import state as states
from atlas.retraining.held_event import HeldEvent, unknown
from atlas.retraining.records import EventRecords
from atlas.retraining.starting import RetrainingPlace
from atlas.retraining.state import Retraining, stands
from atlas.retraining.stops import RetrainingStop

if TYPE_CHECKING:
    from atlas.monitor.events import TriggerEvent
    from atlas.monitor.spec import MonitoredPipeline

__all__ = ["RetrainingPlace", "preview", "retrain"]


def retrain(
    place: RetrainingPlace,
    monitored: MonitoredPipeline,
    event: TriggerEvent,
    *,
    now: datetime | None = None,
    again: bool = False,
) -> Retraining:
    """Bring an event's retraining as far as it gets now, and return how it stands.

    Args:
        place: where retrainings are recorded, and what has them done.
        monitored: the pipeline, with its Config's rule.
        event: the event.
        now: the present; by default the clock's.
        again: whether a retraining that failed is to be tried once more.

    Returns:
        How it stands. One that can't begin says why, and until when it waits; one for which
        something is missing is ``blocked``, and goes on once that is there.

    Raises:
        StoreError: the store can't be read or written.
        PlatformError: the registry or the target doesn't answer; call again.
    """
    records = EventRecords(place.store, monitored.pipeline, event.id)
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    with records.held() as is_held:
        if not is_held:
            known = stands(records) or unknown(event)
            return replace(known, why="another process is at work on it")
        return HeldEvent(place, monitored, event, records, moment, again).advance()


def preview(
    place: RetrainingPlace,
    monitored: MonitoredPipeline,
    event: TriggerEvent,
    *,
    now: datetime | None = None,
) -> Retraining:
    """Return what `retrain` would come to next; nothing is written, started or promoted.

    Args:
        place: where retrainings are recorded.
        monitored: the pipeline, with its Config's rule.
        event: the event.
        now: the present; by default the clock's.

    Raises:
        StoreError: the store can't be read.
        PlatformError: the registry or the target doesn't answer.
    """
    records = EventRecords(place.store, monitored.pipeline, event.id)
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    known = stands(records) or unknown(event)
    if records.started is not None or records.end is not None:
        return known
    try:
        why = HeldEvent(place, monitored, event, records, moment, again=False).obstacle()
    except RetrainingStop as stop:
        return replace(known, state=stop.state, why=stop.why, until=stop.until)
    return replace(known, state=states.OPEN, why=why or "it would begin now")
