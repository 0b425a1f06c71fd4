"""What an event asks for, decided by whoever looks at it first, from the champion and the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.registered import LOCAL_TARGET
from atlas.retraining.lineage import TRAINING, interval_of, lineage_of
from atlas.retraining.records import APPROVED_PROMOTION, RetrainingRequest
from atlas.retraining.stops import blocking
from atlas.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from datetime import datetime

    from atlas.monitor.events import TriggerEvent
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.retraining.starting import RetrainingPlace

APPROVAL, RELEASE = "approval", "release"
"""What a version waits for (`Run.hold`)."""


def wanted(
    place: RetrainingPlace, monitored: MonitoredPipeline, event: TriggerEvent, now: datetime
) -> RetrainingRequest:
    """Return what an event asks for.

    Args:
        place: where retrainings are recorded.
        monitored: the pipeline, with its Config's rule.
        event: the event; its version is the champion.
        now: the present, where the event doesn't say up to where there are data.

    Raises:
        RetrainingStop: where the champion comes from can't be told.
        PlatformError: the registry doesn't answer.
    """
    champion, rule = place.registry.find(event.model, CHAMPION), monitored.rule
    with blocking():
        if champion is None:
            raise AtlasError(f"model {event.model}: no version is the {CHAMPION}")
        lineage = lineage_of(place.store, champion, monitored.pipeline)
        end = event.interval_end or now.isoformat()
        start, last = interval_of(lineage, rule.window_seconds, end)
    hold = RELEASE if monitored.protected else ""
    hold = hold or (APPROVAL if rule.approval == APPROVED_PROMOTION else "")
    return RetrainingRequest(
        trigger=event.trigger,
        version=event.version,
        config=monitored.config,
        plan=lineage.plan.digest,
        commit=lineage.commit,
        champion_run=lineage.run,
        interval_start=start,
        interval_end=last,
        parameters=dict(lineage.parameters),
        changed=rule.parameters_of(event.trigger),
        approval=rule.approval,
        hold=hold,
        promotion=monitored.promotion,
        target=monitored.targets.get(TRAINING, LOCAL_TARGET),
        environment=monitored.environment,
        created=now.isoformat(timespec="milliseconds"),
    )


def other_champion(place: RetrainingPlace, event: TriggerEvent) -> str:
    """Return what the champion is in place of the event's version; empty where that is it."""
    champion = place.registry.find(event.model, CHAMPION)
    if champion is not None and champion.version == event.version:
        is_same = champion.resolved().digest == event.digest
        return "" if is_same else "its version was registered again, with other parts"
    now = f"version {champion.version} is the champion" if champion else "there is no champion"
    return f"{now} by now, and the event is of version {event.version}"
