"""Several events at once: each on its own, so that one that can't go on keeps no other waiting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.retraining import state as states
from atlas.retraining.retrain import retrain
from atlas.retraining.state import Retraining
from atlas.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.monitor.events import TriggerEvent
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.retraining.starting import RetrainingPlace

_PAUSE_SECONDS = 3.0
"""Between two looks at runs that are under way elsewhere."""


def retrain_every(
    place: RetrainingPlace,
    events: Sequence[tuple[MonitoredPipeline, TriggerEvent]],
    *,
    wait: float = 0.0,
    again: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[Retraining]:
    """Bring the retrainings of events as far as they get, and return how each stands.

    Args:
        place: where retrainings are recorded, and what has them done.
        events: the events, each with its pipeline; the oldest first begins first.
        wait: seconds to wait for those that are under way on an orchestrator.
        again: whether those that failed are tried once more.
        say: takes a line for each that has come to another state.
    """
    found = [_one(place, monitored, event, again=again) for monitored, event in events]
    for retraining in found:
        say(line(retraining))

    def is_quiet() -> bool | None:
        for number, (monitored, event) in enumerate(events):
            if found[number].state == states.RUNNING:
                before, found[number] = found[number], _one(place, monitored, event, again=False)
                if found[number].state != before.state:
                    say(line(found[number]))
        return True if all(one.state != states.RUNNING for one in found) else None

    if wait and any(one.state == states.RUNNING for one in found):
        wait_until(is_quiet, wait, _PAUSE_SECONDS)
    return found


def _one(
    place: RetrainingPlace, monitored: MonitoredPipeline, event: TriggerEvent, *, again: bool
) -> Retraining:
    try:
        return retrain(place, monitored, event, again=again)
    except AtlasError as error:
        known = Retraining(event.id, event.pipeline, event.trigger, states.BLOCKED)
        return replace(known, why=str(error), champion=event.version)


def line(retraining: Retraining) -> str:
    """Return how a retraining stands, in one line."""
    version = f", version {retraining.version}" if retraining.version else ""
    run = f" (run {retraining.run})" if retraining.run else ""
    why = f": {retraining.why}" if retraining.why else ""
    name = f"{retraining.pipeline} {retraining.trigger} {retraining.event}"
    return f"{name}: {retraining.state}{version}{run}{why}"
