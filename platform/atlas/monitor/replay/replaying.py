"""A replay, and what it answers."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.monitor.life import ChampionLife
from atlas.monitor.replay.firing import firing, least_tolerances
from atlas.monitor.replay.recorded import recorded
from atlas.monitor.replay.synthetic import MadeUp, synthetic
from atlas.monitor.replay.tuning import bounds_of
from atlas.monitor.row_metrics import ROW_METRICS
from atlas.profiles.profile import Profile
from atlas.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from atlas.monitor.replay.firing import Firing
    from atlas.monitor.replay.synthetic import Shift
    from atlas.monitor.replay.timeline import Timeline
    from atlas.monitor.replay.tuning import TriedBounds
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry

STREAMS = 20
"""Made-up streams of batches: as many as say how often a trigger fires."""
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """When a trigger would have fired under some bounds.

    Attributes:
        trigger: the trigger.
        bounds: what of the Config's bounds differs; empty for its own.
        batch: name of the batch; empty for never. Of made-up streams, that of the first stream.
        number: of the batch, from 1; 0 for never.
        why: what it would have seen.
        streams: how many made-up streams there were; 0 for batches of the past.
        fired: how many of these it fired in, after the change; without one, at all.
        early: how many of these it fired in before the change.
        delay: in the middle of those, how many batches with the change it took; None for none.
    """

    trigger: str
    bounds: str
    batch: str = ""
    number: int = 0
    why: str = ""
    streams: int = 0
    fired: int = 0
    early: int = 0
    delay: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay of one pipeline answers.

    Attributes:
        pipeline: the pipeline.
        champion: its champion's version.
        batches: how many batches were replayed.
        first: the first of them.
        last: the last.
        replayed: each trigger under each of its bounds.
        tolerances: ``table.column`` → the smallest tolerance with which no batch alarms, of those
            that alarm without one; those that need most first, at most 20.
        warnings: what couldn't be replayed.
    """

    pipeline: str
    champion: str
    batches: int
    first: str = ""
    last: str = ""
    replayed: tuple[Replayed, ...] = ()
    tolerances: dict[str, float]
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def replayed_each(
    store: Store, registry: ModelRegistry, monitored: Iterable[MonitoredPipeline]
) -> Iterator[tuple[ChampionLife | None, str]]:
    """Give the life of each pipeline's champion, or None and why there is none to replay.

    Raises:
        PlatformError: the registry doesn't answer.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    for one in monitored:
        champion = registry.find(one.model, CHAMPION)
        if champion is None:
            yield None, f"{one.pipeline}: {one.model} has no champion, so nothing can be replayed"
        else:
            yield ChampionLife(store, one, champion, now), ""


def replay(life: ChampionLife, tried: Sequence[str] = ()) -> Replay:
    """Replay the batches that a champion has scored.

    Args:
        life: the champion's life.
        tried: other bounds, as `bounds_of` takes them.

    Raises:
        AtlasError: bounds are none.
        StoreError: the store can't be read.
    """
    rule = life.monitored.rule
    every, timeline = bounds_of(rule, tried), recorded(life)
    found = [_of_past(timeline, bounds) for bounds in every]
    return _answer(life, timeline, found, with_tolerances=rule.drift is not None)


def replay_synthetic(
    life: ChampionLife,
    shifts: Sequence[Shift],
    tried: Sequence[str] = (),
    *,
    batches: int = 30,
    rows: int = 1000,
    streams: int = STREAMS,
) -> Replay:
    """Replay made-up batches: rows like those of the champion's training, with declared changes.

    Args:
        life: the champion's life, whose reference and test they are made of.
        shifts: what changes.
        tried: other bounds, as `bounds_of` takes them.
        batches: how many batches a stream has.
        rows: of each batch.
        streams: how many streams.

    Raises:
        AtlasError: bounds or changes are none.
        StoreError: the store can't be read.
    """
    past, rule = recorded(life), life.monitored.rule
    metric = ROW_METRICS.get(rule.degradation.metric) if rule.degradation else None
    of = MadeUp(past.beside or Profile({}), past.learnt, metric, past.score)
    every = bounds_of(rule, tried)
    made = [synthetic(of, shifts, batches=batches, rows=rows, seed=n) for n in range(streams)]
    found = [_of_streams(made, bounds) for bounds in every]
    return _answer(life, made[0], found, with_tolerances=False)


def _answer(
    life: ChampionLife, timeline: Timeline, found: list[Replayed], *, with_tolerances: bool
) -> Replay:
    can = with_tolerances and timeline.beside is not None
    needed = least_tolerances(timeline, life.monitored.rule) if can else {}
    return Replay(
        pipeline=life.monitored.pipeline,
        champion=life.champion.version,
        batches=len(timeline.batches),
        first=timeline.batches[0].name if timeline.batches else "",
        last=timeline.batches[-1].name if timeline.batches else "",
        replayed=tuple(found),
        tolerances=dict([*needed.items()][:_SHOWN]),
        warnings=tuple(dict.fromkeys((*life.warnings, *timeline.warnings))),
    )


def _of_past(timeline: Timeline, bounds: TriedBounds) -> Replayed:
    found = firing(timeline, bounds.rule, bounds.trigger)
    return Replayed(**_first(timeline, bounds, found))


def _first(timeline: Timeline, bounds: TriedBounds, found: Firing) -> dict[str, Any]:
    return {
        "trigger": bounds.trigger,
        "bounds": bounds.changed,
        "batch": "" if found.place is None else timeline.batches[found.place].name,
        "number": 0 if found.place is None else found.place + 1,
        "why": found.why,
    }


def _of_streams(made: list[Timeline], bounds: TriedBounds) -> Replayed:
    all_found = [firing(timeline, bounds.rule, bounds.trigger) for timeline in made]
    places = [found.place for found in all_found if found.place is not None]
    changed = made[0].changed or 0
    after = [place - changed + 1 for place in places if place >= changed]
    return Replayed(
        **_first(made[0], bounds, all_found[0]),
        streams=len(made),
        fired=len(after),
        early=len(places) - len(after),
        delay=statistics.median(after) if after else None,
    )
