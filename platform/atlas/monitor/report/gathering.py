"""Gathering what the page says: from what a check has found, the ledger and the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.monitor.batches import refused_batches
from atlas.monitor.checked import ESTIMATE
from atlas.monitor.life import ChampionLife
from atlas.monitor.report.content import (
    FIRED,
    NEAR,
    QUIET,
    WARNS,
    Happening,
    MonitorPage,
    TriggerLine,
)
from atlas.monitor.report.drifting import seen_drift
from atlas.monitor.report.performing import counts, performance
from atlas.monitor.report.suspects import suspects_of
from atlas.monitor.report.words import moment
from atlas.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.monitor.checked import CheckedPipeline, TriggerState
    from atlas.monitor.event_states import EventState
    from atlas.monitor.report.content import Course
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry

NEARLY = 0.9
"""Which share of a risk is nearly all of it."""
_MOST_EVENTS = 50
_DISTANCE = "distance"


def page_of(
    store: Store,
    registry: ModelRegistry,
    monitored: MonitoredPipeline,
    checked: CheckedPipeline,
    states: Sequence[EventState] = (),
) -> MonitorPage:
    """Return the page of a check.

    Where the champion has changed since the check, the page says what the check found, and has no
    pictures.

    Args:
        store: the artifact store.
        registry: the registry that has the model.
        monitored: what was checked.
        checked: what was found.
        states: what has become of the pipeline's events.

    Raises:
        AtlasError: the registry doesn't answer, or the store can't be read.
    """
    page = MonitorPage(
        pipeline=checked.pipeline,
        environment=checked.environment,
        model=checked.model,
        version=checked.champion,
        checked=checked.checked,
        triggers=tuple(map(_line, checked.triggers)),
        breaches=tuple(_breaches(checked)),
        happenings=tuple(map(_happening, [*states][: -_MOST_EVENTS - 1 : -1])),
        warnings=checked.warnings,
    )
    champion = registry.find(monitored.model, CHAMPION) if checked.champion else None
    if champion is None or champion.version != checked.champion:
        return page
    life = ChampionLife(store, monitored, champion, checked.checked)
    drift = seen_drift(store, life.ledger, life.reference)
    return replace(
        page,
        facts=_facts(life, checked),
        broken=_broken(life),
        looks=drift.looks,
        budgets=(drift.budget,) if drift.budget else (),
        suspects=tuple(suspect for table in drift.tables for suspect in suspects_of(table)),
        measured={table.of: tuple(table.measured) for table in drift.tables},
        gone=tuple(drift.last.gone) if drift.last else (),
        unseen=drift.last.unseen if drift.last else {},
        performance=tuple(_drawn(performance(life, checked))),
        counts=tuple(_drawn(counts(life, checked))),
    )


def _drawn(pictures: Iterator[Course]) -> Iterator[Course]:
    """Give pictures as far as what they show can be read; the check has warned of the rest."""
    try:
        yield from pictures
    except AtlasError:
        return


def state_of(state: TriggerState) -> str:
    """Return how a trigger stands, in a word of the page."""
    if state.fired:
        return WARNS if state.name == ESTIMATE else FIRED
    is_near = state.budget > 0.0 and state.spent >= NEARLY * state.budget
    return NEAR if is_near else QUIET


def _line(state: TriggerState) -> TriggerLine:
    return TriggerLine(
        name=state.name,
        state=state_of(state),
        why=state.why,
        value=state.value,
        threshold=state.threshold,
        unit="share" if state.unit == _DISTANCE else state.unit,
        spent=state.spent if state.budget else None,
        budget=state.budget or None,
    )


def _breaches(checked: CheckedPipeline) -> Iterator[tuple[str, str]]:
    for batch, texts in reversed([*checked.breaches.items()]):
        yield batch, "; ".join(texts)


def _broken(life: ChampionLife) -> int:
    """Return how many promises the last batch breaks, whether it was scored or refused."""
    records = [*life.own[-1:], *refused_batches(life.store, life.monitored.pipeline)[-1:]]
    last = max(records, key=lambda record: record.time, default=None)
    return len(last.breaches) if last else 0


def _happening(state: EventState) -> Happening:
    event = state.event
    words = [event.why, state.why]
    words += [f"may begin at {moment(state.until)} UTC"] if state.until else []
    words += [f"run {state.run}"] if state.run else []
    words += [f"made version {state.version}"] if state.version else []
    why = "; ".join(filter(None, words))
    return Happening(event.created, event.trigger, state.state, why, event.id)


def _facts(life: ChampionLife, checked: CheckedPipeline) -> dict[str, str]:
    """Return what the champion was trained on, and what it has done since."""
    facts = {"Batches since": f"{checked.batches:,}", "Rows of these": f"{checked.rows:,}"}
    run = life.champion.tags.get("atlas.run", "")
    facts |= {"Trained by run": run} if run else {}
    trained = life.trained
    facts |= {"Data of training up to": moment(trained.isoformat())} if trained else {}
    if checked.reference:
        facts["Reference"] = checked.reference
    reference = life.reference
    for name, table in reference.tables.items() if reference else ():
        facts[f"Rows of training, {name}"] = f"{table.rows:,}"
    return facts
