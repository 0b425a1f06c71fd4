"""The batches that a champion has scored, as the store has them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.monitor.looking import Looking, columns_of, window_of
from atlas.monitor.references import has_profile
from atlas.monitor.replay.timeline import NO_COLUMNS, ReplayedBatch, Timeline
from atlas.monitor.row_metrics import ROW_METRICS
from atlas.monitor.triggers.degradation import chosen_sums, score_of_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.models.measurements import BatchMeasurement
    from atlas.monitor.batches import BatchRecord
    from atlas.monitor.life import ChampionLife
    from atlas.monitor.row_metrics import LossAtTest, LossSums

MOST = 500
"""The most batches that are replayed: the newest."""


def recorded(life: ChampionLife) -> Timeline:
    """Return the batches of a champion's life.

    Args:
        life: the champion's life; nothing is written into it.

    Raises:
        StoreError: the store can't be read.
    """
    reference = life.reference
    looking = Looking(life.store, reference, columns_of(reference)) if reference else None
    losses, score = _losses(life)
    records = life.records[-MOST:]
    places = {record.batch: place for place, record in enumerate(records)}
    labels = {measured.batch: measured for measured in life.measured}
    own = [r for r in records if looking and life.is_own(r) and r.rows and _has_counts(life, r)]
    names = {record.batch for record in own}
    new = {record.batch for record in life.new}
    batches = []
    for record in records:
        is_own = looking is not None and record.batch in names
        window = [places[other.batch] for other in window_of(record, own)] if is_own else []
        measured = labels.get(record.batch)
        batches.append(
            ReplayedBatch(
                name=record.batch,
                rows=record.rows,
                is_new=record.batch in new,
                counts=looking.batch(record.profiles) if looking and is_own else NO_COLUMNS,
                window=tuple(window),
                labels=measured.labels if measured else 0,
                losses=losses.get(record.batch),
                known=_known(measured, records, places[record.batch]),
            )
        )
    return Timeline(
        pipeline=life.monitored.pipeline,
        champion=life.champion.version,
        batches=tuple(batches),
        beside=looking.beside if looking else None,
        learnt=looking.tolerances("learned") if looking else ({}, {}),
        score=score,
        warnings=tuple(dict.fromkeys(life.warnings)),
    )


def _has_counts(life: ChampionLife, record: BatchRecord) -> bool:
    """Tell whether a batch has counts, and beside the champion's reference."""
    is_beside = record.reference == life.champion.reference
    return is_beside and all(has_profile(life.store, sha) for sha in record.profiles.values())


def _losses(life: ChampionLife) -> tuple[dict[str, LossSums], LossAtTest | None]:
    """Return the losses of each batch by now, and those of the champion's test."""
    rule = life.monitored.rule.degradation
    metric = ROW_METRICS.get(rule.metric) if rule else None
    if rule is None or metric is None:
        return {}, None
    sums = {part.batch: part for part in chosen_sums(life, metric)}
    try:
        return sums, score_of_test(life, rule, metric)
    except AtlasError as error:
        life.warnings.append(f"degradation: {error}")
        return sums, None


def _known(measured: BatchMeasurement | None, records: Sequence[BatchRecord], place: int) -> int:
    """Return the place of the batch that was the newest when the last label of one had come."""
    if measured is None or not measured.last_label:
        return place
    came = datetime.fromisoformat(measured.last_label)
    return max([place, *(n for n, record in enumerate(records) if record.time <= came)])
