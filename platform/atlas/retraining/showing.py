"""Showing what a check has found and what has become of events: on a page, in MLflow, Prometheus.

Whoever checks or retrains shows it at its end. That it can't be shown fails neither.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.monitor.event_states import OPEN, EventState
from atlas.monitor.events import events
from atlas.monitor.publishing import Published, publish
from atlas.retraining.state import Retraining, retraining_of
from atlas.step.notifying import notify_trigger
from atlas.step.publishing import pushgateway_of_steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.monitor.checked import CheckedPipeline
    from atlas.monitor.events import TriggerEvent
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry


def event_states(
    store: Store, pipeline: str, retrainings: Iterable[Retraining] = ()
) -> tuple[EventState, ...]:
    """Return what has become of a pipeline's events, the oldest first.

    Args:
        store: the artifact store.
        pipeline: its name, with the Environment's prefix.
        retrainings: those that were just looked at, which know why they wait; others are as they
            are recorded.

    Raises:
        StoreError: a record can't be read.
    """
    known = {retraining.event: retraining for retraining in retrainings}
    return tuple(
        _state(event, known.get(event.id) or retraining_of(store, pipeline, event.id))
        for event in events(store, pipeline)
    )


def _state(event: TriggerEvent, known: Retraining | None) -> EventState:
    if known is None:
        return EventState(event, OPEN)
    facts = (known.state, known.why, known.until, known.run, known.version)
    return EventState(event, *facts)


def show(
    store: Store,
    registry: ModelRegistry,
    monitored: MonitoredPipeline,
    checked: CheckedPipeline,
    retrainings: Iterable[Retraining] = (),
) -> Published:
    """Show what a check has found, and what has become of the pipeline's events.

    Args:
        store: the artifact store.
        registry: the registry that has the champion.
        monitored: what was checked.
        checked: what was found.
        retrainings: as `event_states` takes them.

    Returns:
        Where it is shown; its warnings say what couldn't be, and why.
    """
    told = _notified(store, monitored, checked)
    try:
        states = event_states(store, checked.pipeline, retrainings)
        gateway = pushgateway_of_steps()
        shown = publish(store, registry, monitored, checked, states=states, gateway=gateway)
    except AtlasError as error:
        shown = Published("", "", (f"what was found isn't shown: {error}",))
    return replace(shown, warnings=(*shown.warnings, *told)) if told else shown


def _notified(
    store: Store, monitored: MonitoredPipeline, checked: CheckedPipeline
) -> tuple[str, ...]:
    """Tell whoever is to be notified of the events that this check has written; return warnings."""
    if not checked.events:
        return ()
    try:
        plan = store.plan(monitored.plans.get("training", ""))
    except AtlasError:
        return ()  # One that tells somebody was put there.
    warnings: list[str] = []
    for event in checked.events:
        facts = {
            "model": f"{event.model} version {event.version}",
            "trigger": event.trigger,
            "event": event.id,
            "reason": event.why,
        }
        warnings += notify_trigger(plan, facts)
    return tuple(warnings)


def show_again(
    store: Store,
    registry: ModelRegistry,
    monitored: MonitoredPipeline,
    retrainings: Iterable[Retraining] = (),
) -> Published:
    """Check once more and show it, after something has become of events.

    A check looks at no batch twice, so this costs no risk and makes no event that the next check
    wouldn't make.

    Args:
        store: the artifact store.
        registry: the registry that has the champion.
        monitored: the pipeline.
        retrainings: as `event_states` takes them.
    """
    from atlas.monitor.check import check

    try:
        checked = check(store, registry, monitored)
    except AtlasError as error:
        return Published("", "", (f"what was found isn't shown: {error}",))
    return show(store, registry, monitored, checked, retrainings)
