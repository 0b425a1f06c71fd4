"""A check: what each trigger sees of a champion's life, and the events of those that fire.

However often, from wherever and however many at once it is called: each batch is looked at once
(`atlas.monitor.ledger`), and each cause makes one event (`atlas.monitor.events`). A check that is
killed leaves what the next one goes on with: looks that have a number and no result get it, and an
alarm that has no event yet makes it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.monitor.batches import refused_batches
from atlas.monitor.checked import CheckedPipeline
from atlas.monitor.events import OVER, record_event
from atlas.monitor.life import ChampionLife
from atlas.monitor.triggers.degradation import degradation
from atlas.monitor.triggers.drift import drift
from atlas.monitor.triggers.estimate import estimate
from atlas.monitor.triggers.new_labels import new_labels
from atlas.monitor.triggers.new_rows import new_rows
from atlas.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atlas.monitor.checked import TriggerState
    from atlas.monitor.events import TriggerEvent
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.monitor.triggers.outcome import Seen, Trigger
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry

_TRIGGERS: tuple[Trigger, ...] = (new_rows, new_labels, degradation, drift, estimate)
_MOST_BREACHES = 20
_MOST_WARNINGS = 50


def check(
    store: Store,
    registry: ModelRegistry,
    monitored: MonitoredPipeline,
    *,
    now: datetime | None = None,
) -> CheckedPipeline:
    """Check one pipeline, and write the events of the triggers that fire.

    Args:
        store: the artifact store.
        registry: the registry that has the model's champion.
        monitored: the pipeline and its rule.
        now: the time that is entered as such; nothing is decided by it.

    Raises:
        PlatformError: the registry doesn't answer, or the champion wasn't registered by Atlas.
        StoreError: the store can't be read or written.
    """
    time = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
    champion = registry.find(monitored.model, CHAMPION)
    whole = replace(_unchecked(monitored), checked=time)
    if champion is None:
        text = f"{monitored.model} has no champion: nothing is monitored before one is promoted"
        return replace(whole, warnings=(text,))
    life = ChampionLife(store, monitored, champion, time)
    seen = [found for trigger in _TRIGGERS if (found := trigger(life)) is not None]
    fired = _written(life, registry, seen)
    life.ledger.keep()
    return _filled(whole, life, seen, fired)


def check_each(
    store: Store,
    registry: ModelRegistry,
    monitored: Iterable[MonitoredPipeline],
    *,
    now: datetime | None = None,
) -> Iterator[CheckedPipeline]:
    """Check several pipelines, one after the other; one that can't be checked stops no other.

    Args:
        store: the artifact store.
        registry: the registry that has the models' champions.
        monitored: the pipelines and their rules.
        now: as `check` takes it.

    Yields:
        What was found of each, with `CheckedPipeline.error` of one that couldn't be checked.
    """
    for one in monitored:
        try:
            yield check(store, registry, one, now=now)
        except AtlasError as error:
            yield replace(_unchecked(one), error=str(error))


def _unchecked(monitored: MonitoredPipeline) -> CheckedPipeline:
    return CheckedPipeline(
        pipeline=monitored.pipeline, model=monitored.model, environment=monitored.environment
    )


def _written(
    life: ChampionLife, registry: ModelRegistry, seen: list[Seen]
) -> dict[str, tuple[TriggerEvent, bool]]:
    """Write the events of those that fire; return trigger → the event, and whether it is new.

    If another version has become the champion since the check began, the cause is over, and none is
    written: what was seen stays in the ledger, should this one be the champion again.
    """
    drafts = [found.event for found in seen if found.event is not None]
    if not drafts:
        return {}
    champion = registry.find(life.monitored.model, CHAMPION)
    if champion is None or not life.is_champion(champion):
        other = f"version {champion.version}" if champion else "no version"
        life.warnings.append(
            f"{other} has become the champion during the check, which was of {life.name}"
        )
        return {}
    return {draft.trigger: record_event(life.store, draft) for draft in drafts}


def _filled(
    whole: CheckedPipeline,
    life: ChampionLife,
    seen: list[Seen],
    fired: dict[str, tuple[TriggerEvent, bool]],
) -> CheckedPipeline:
    """Return what was found, with what the champion's life gives."""
    known = {event.id: event for event in (*life.events, *(one for one, _ in fired.values()))}
    still = (event for event in known.values() if life.results.get(event.id, "") not in OVER)
    return replace(
        whole,
        champion=life.champion.version,
        digest=life.digest,
        reference=life.champion.reference,
        batches=len(life.own),
        rows=sum(record.rows for record in life.own),
        triggers=tuple(_with_event(found.state, fired) for found in seen),
        events=tuple(event for event, is_new in fired.values() if is_new),
        open=tuple(sorted(still, key=lambda event: (event.created, event.id))),
        looks=tuple(life.looks),
        breaches=_breaches(life),
        warnings=tuple(dict.fromkeys(life.warnings))[:_MOST_WARNINGS],
    )


def _with_event(state: TriggerState, fired: dict[str, tuple[TriggerEvent, bool]]) -> TriggerState:
    if state.name not in fired:
        return state
    event, _ = fired[state.name]
    return replace(state, fired=True, event=event.id, why=f"fires: {event.why}")


def _breaches(life: ChampionLife) -> dict[str, tuple[str, ...]]:
    """Return the last batches that break what the training data promise, those refused too."""
    records = [*life.own, *refused_batches(life.store, life.monitored.pipeline)]
    broken = sorted((r for r in records if r.breaches), key=lambda record: record.time)
    return {record.batch: tuple(map(str, record.breaches)) for record in broken[-_MOST_BREACHES:]}
