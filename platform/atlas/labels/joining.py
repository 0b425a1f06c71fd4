"""The join as a whole: predictions, labels, metrics of each batch, and warnings about them."""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.labels.batches import Meter, batch_records, newest_metrics
from atlas.labels.matching import NONE, Side, key_codes, match
from atlas.labels.measures import check_kinds, measures_named
from atlas.labels.tables import (
    BATCH,
    RECEIVED,
    TIME,
    VERSION,
    Tally,
    counted,
    labels_of,
    predictions_of,
    with_earlier,
)
from atlas.labels.times import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import ndarray
    from pandas import DataFrame

    from atlas.labels.join import LabelJoin
    from atlas.labels.spec import JoinSpec
    from atlas.template import Batch

_QUARTER = 15 * 60 * 1_000_000
_LONGEST_SHIFT = 26 * 3600 * 1_000_000
"""Microseconds: no two local times of one moment are farther apart."""


@dataclass
class Joined:
    """What a join has come to.

    Attributes:
        rows: the predictions that have a label.
        labels: the labels that are new or have changed.
        batches: a record for each batch.
        counts: what was counted.
        metrics: what is recorded of the run.
        warnings: what somebody should know.
    """

    rows: DataFrame
    labels: DataFrame
    batches: list[dict[str, Any]]
    counts: dict[str, int]
    metrics: dict[str, float]
    warnings: list[str] = field(default_factory=list)


def join(
    spec: JoinSpec,
    batches: Sequence[Batch[DataFrame]],
    labels: DataFrame,
    earlier: Sequence[Batch[DataFrame]],
    step: LabelJoin,
) -> Joined:
    """Join labels to predictions, and measure each batch.

    Args:
        spec: what is joined by what.
        batches: the predictions.
        labels: the labels of this run.
        earlier: the labels of earlier runs.
        step: whose metrics, `measure` and context are used.

    Raises:
        AtlasError: a column is missing or of another type, or a time can't be read.
    """
    meter = Meter(spec, measures_named(step.metrics, spec.columns), step.measure)
    tally = Tally()
    predicted = predictions_of(batches, spec, tally)
    received = step.context.interval_end or datetime.now(UTC).isoformat(timespec="milliseconds")
    new = labels_of(labels, received, spec, tally)
    known, fresh = with_earlier(new, earlier, spec, tally)
    codes = key_codes([predicted, known], spec.key)
    sides = (_side(codes[0], predicted, spec), _side(codes[1], known, spec))
    place = match(*sides, spec.seconds, spec.direction)
    rows = _labelled(predicted, known, place, spec)
    check_kinds(rows, spec.columns)
    _count_unmatched(known, received, sides, place, tally)
    records = batch_records(batches, predicted, rows, meter)
    warnings = [*_warnings(tally), *_shift_warning(sides, place, spec), *records.warnings]
    counts = dict(counted(tally))
    recorded = {**{name: float(number) for name, number in counts.items()}, **_coverage(counts)}
    recorded |= newest_metrics(records.batches)
    public = rows.drop(columns=[BATCH, TIME])
    return Joined(public, fresh, records.batches, counts, recorded, warnings)


def _side(codes: ndarray[Any, Any], table: DataFrame, spec: JoinSpec) -> Side:
    return Side(codes, table[TIME].to_numpy() if spec.label_time else None)


def _labelled(
    predicted: DataFrame, known: DataFrame, place: ndarray[Any, Any], spec: JoinSpec
) -> DataFrame:
    """Return the predictions that have a label, with it and when it came."""
    has_label = place != NONE
    rows = predicted[has_label].reset_index(drop=True)
    label = known.iloc[place[has_label]].reset_index(drop=True)
    # A prediction's own column of that name would be no label.
    return rows.assign(**{spec.label: label[spec.label], RECEIVED: label[RECEIVED]})


def _count_unmatched(
    known: DataFrame,
    received: str,
    sides: tuple[Side, Side],
    place: ndarray[Any, Any],
    tally: Tally,
) -> None:
    """Count predictions with and without labels, and labels that no prediction has."""
    import numpy

    predictions, labels = sides
    tally.add("predictions_labelled", int((place != NONE).sum()))
    tally.add("predictions_unlabelled", int((place == NONE).sum()))
    is_new = (known[RECEIVED] == received).to_numpy()
    is_known_key = numpy.isin(labels.codes, predictions.codes)
    is_used = numpy.zeros(len(known), dtype=bool)
    is_used[place[place != NONE]] = True
    tally.add("labels_unknown", int((is_new & ~is_known_key).sum()))
    tally.add("labels_unmatched", int((is_new & is_known_key & ~is_used).sum()))


def _coverage(counts: dict[str, int]) -> dict[str, float]:
    labelled = counts.get("predictions_labelled", 0)
    total = labelled + counts.get("predictions_unlabelled", 0)
    return {"coverage": labelled / total} if total else {}


_TOLD = {
    "labels_unknown": "labels of keys that no prediction in the window has",
    "labels_unmatched": "labels of a known key, and of no prediction's time",
    "labels_changed": "labels that have changed, and replace the earlier ones",
    "labels_conflicting": "labels that differ from others of the same key and time",
    "labels_missing": "rows without a label, left out",
    "labels_without_key": "labels without a key, left out",
    "labels_without_time": "labels without a time, left out",
    "predictions_without_key": "predictions without a key, left out",
    "label_times_ambiguous": "label times that come twice when the clocks are set back",
    "label_times_nonexistent": "label times that the clocks skip",
    "prediction_times_ambiguous": "prediction times that come twice when the clocks are set back",
    "prediction_times_nonexistent": "prediction times that the clocks skip",
}


def _warnings(tally: Tally) -> list[str]:
    told = ((tally.counts.get(name, 0), text) for name, text in _TOLD.items())
    return [f"{text}: {number:,}" for number, text in told if number]


def _shift_warning(sides: tuple[Side, Side], place: ndarray[Any, Any], spec: JoinSpec) -> list[str]:
    """Say so when most labels that don't fit are off by the same time, as of another time zone."""
    import numpy

    predictions, labels = sides
    alone = predictions.take(place == NONE)
    if alone.times is None or labels.times is None:
        return []
    nearest = match(alone, labels, float("inf"), "nearest")
    there = (nearest != NONE) & (alone.times != MISSING)
    gaps = labels.times[nearest[there]] - alone.times[there]
    shifts, number = numpy.unique(gaps, return_counts=True)
    if not len(shifts):
        return []
    shift, count = int(shifts[number.argmax()]), int(number.max())
    is_offset = shift and shift % _QUARTER == 0 and abs(shift) <= _LONGEST_SHIFT
    if not is_offset or count * 2 <= len(gaps):
        return []
    when = f"{timedelta(microseconds=abs(shift))} {'later' if shift > 0 else 'earlier'}"
    text = f"predictions with a label whose time is exactly {when}: {count:,}"
    return [f"{text}; check the params timezone ('{spec.timezone}') and prediction_timezone"]


__all__ = ["VERSION", "Joined", "join"]
