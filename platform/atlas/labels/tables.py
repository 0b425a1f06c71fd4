"""The tables of a join, cleaned: predictions of several batches, labels of several deliveries."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.labels.matching import NONE, Side, key_codes, last_of_each, match
from atlas.labels.times import MISSING, instants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy import ndarray
    from pandas import DataFrame, Series

    from atlas.labels.spec import JoinSpec
    from atlas.template import Batch

BATCH, VERSION, TIME, RECEIVED = "atlas_batch", "atlas_version", "atlas_time", "atlas_received"
"""Columns that the join adds: number of the batch, model version, instant, when a label came."""


@dataclass
class Tally:
    """What was counted on the way, by name; nothing that is left out or replaced goes unsaid."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, number: float) -> None:
        """Count something."""
        self.counts[name] = self.counts.get(name, 0) + int(number)


def predictions_of(batches: Sequence[Batch[DataFrame]], spec: JoinSpec, tally: Tally) -> DataFrame:
    """Return the predictions of all batches, each once.

    Raises:
        AtlasError: a batch isn't a table, or lacks a column.
    """
    from pandas import DataFrame, concat

    parts = [_prediction_batch(batch, number, spec, tally) for number, batch in enumerate(batches)]
    whole = [part for part in parts if len(part)]
    if not whole:
        return parts[0] if parts else DataFrame(columns=[*spec.prediction_columns, *_ADDED])
    table = concat(whole, ignore_index=True)
    tally.add("predictions", len(table))
    table = _with_key(table, spec.key, "predictions", tally)
    return _without_repeats(table, batches, spec, tally)


_ADDED = (BATCH, VERSION, TIME)


def _prediction_batch(
    batch: Batch[DataFrame], number: int, spec: JoinSpec, tally: Tally
) -> DataFrame:
    where = f"predictions of run {batch.run}"
    table = _table(batch.value, where)
    _require(table, spec.prediction_columns, where)
    versions = table[spec.version] if spec.version in table.columns else batch.version
    named = {BATCH: number, VERSION: versions}
    return table.assign(**named, **{TIME: _prediction_times(table, batch, spec, where, tally)})


def _prediction_times(
    table: DataFrame, batch: Batch[DataFrame], spec: JoinSpec, where: str, tally: Tally
) -> Any:
    """Return the instants of predictions; without a column, the start of the batch's interval."""
    from pandas import Series

    if spec.time:
        times = instants(
            table[spec.time], spec.prediction_timezone, spec.ambiguous, f"{where}: {spec.time}"
        )
        tally.add("prediction_times_ambiguous", times.ambiguous)
        tally.add("prediction_times_nonexistent", times.nonexistent)
        return times.values
    start = batch.interval_start or batch.created
    return instants(Series([start]), "UTC").values[0] if start else MISSING


def _without_repeats(
    table: DataFrame, batches: Sequence[Batch[DataFrame]], spec: JoinSpec, tally: Tally
) -> DataFrame:
    """Leave one prediction of each row: that of the run that was started last."""
    import numpy

    order = numpy.argsort([batch.created for batch in batches], kind="stable")
    age = numpy.empty(len(batches), dtype=numpy.int64)
    age[order] = numpy.arange(len(batches))
    table = table.iloc[numpy.argsort(age[table[BATCH]], kind="stable")]
    (codes,) = key_codes([table], spec.key)
    # Without a time of its own, a prediction is known by its key and its batch.
    column = TIME if spec.time else BATCH
    kept = last_of_each(Side(codes, table[column].to_numpy()))
    tally.add("predictions_repeated", int((~kept).sum()))
    return table[kept].sort_index().reset_index(drop=True)


def labels_of(table: DataFrame, received: str, spec: JoinSpec, tally: Tally) -> DataFrame:
    """Return the labels of one delivery: key, instant, label, when it came; each once.

    Args:
        table: as it was delivered.
        received: when, ISO 8601.
        spec: what is joined by what.
        tally: counts what is left out.

    Raises:
        AtlasError: it isn't a table, lacks a column, or has two labels for one where none may be.
    """
    where = "labels"
    table = _table(table, where)
    _require(table, spec.label_columns, where)
    tally.add("labels", len(table))
    times: Any = MISSING
    if spec.label_time:
        read = instants(table[spec.label_time], spec.timezone, spec.ambiguous, spec.label_time)
        tally.add("label_times_ambiguous", read.ambiguous)
        tally.add("label_times_nonexistent", read.nonexistent)
        times = read.values
    kept = table[[*spec.key, spec.label]].assign(**{TIME: times, RECEIVED: received})
    given = kept[spec.label].notna()
    if spec.label_time:
        tally.add("labels_without_time", int(((kept[TIME] == MISSING) & given).sum()))
        given &= kept[TIME] != MISSING
    tally.add("labels_missing", int(kept[spec.label].isna().sum()))
    kept = _with_key(kept[given], spec.key, "labels", tally)
    return _one_each(kept, spec, tally)


def _one_each(table: DataFrame, spec: JoinSpec, tally: Tally) -> DataFrame:
    """Leave one label of each key and time.

    Raises:
        AtlasError: there are two that differ, and none may be chosen.
    """
    side = label_side(table, spec)
    kept = last_of_each(side, first=spec.duplicates == "first")
    if kept.all():
        return table
    differing = _differing(table[spec.label], side)
    tally.add("labels_duplicate", int((~kept).sum()))
    tally.add("labels_conflicting", differing.sum())
    if spec.duplicates == "error" and differing.any():
        row = table[differing].iloc[0]
        key = ", ".join(f"{name}={row[name]}" for name in spec.key)
        count = f"{int(differing.sum()):,} labels of one delivery differ from others"
        raise AtlasError(f"labels: {count} of the same key and time, such as {key}; expected one")
    return table[kept].reset_index(drop=True)


def _differing(labels: Series, side: Side) -> ndarray[Any, Any]:
    """Return a mask of labels that differ from the first of their key and time."""
    from pandas import DataFrame

    groups = {"code": side.codes, **({} if side.times is None else {"time": side.times})}
    frame = DataFrame(groups)
    first = labels.reset_index(drop=True).groupby([frame[name] for name in groups], sort=False)
    mask: ndarray[Any, Any] = labels.to_numpy(dtype=object) != first.transform("first").to_numpy(
        dtype=object
    )
    return mask.astype(bool)


def label_side(table: DataFrame, spec: JoinSpec) -> Side:
    """Return labels as numbers, apart from any predictions."""
    (codes,) = key_codes([table], spec.key)
    return Side(codes, table[TIME].to_numpy() if spec.label_time else None)


def with_earlier(
    new: DataFrame, earlier: Sequence[Batch[DataFrame]], spec: JoinSpec, tally: Tally
) -> tuple[DataFrame, DataFrame]:
    """Return all labels that are known, and those that are new or have changed.

    Args:
        new: of this delivery.
        earlier: what earlier runs have given as ``labels``, in the order of time.
        spec: what is joined by what.
        tally: counts new, changed and repeated labels.
    """
    from pandas import concat

    tables = [_earlier(batch, spec) for batch in earlier]
    tables = [table for table in tables if len(table)]
    if not tables:
        tally.add("labels_new", len(new))
        return new, new
    before = concat(tables, ignore_index=True)
    codes = key_codes([before, new], spec.key)
    times = [table[TIME].to_numpy() if spec.label_time else None for table in (before, new)]
    sides = [Side(code, time) for code, time in zip(codes, times, strict=True)]
    latest = last_of_each(sides[0])
    before, side = before[latest].reset_index(drop=True), sides[0].take(latest)
    place = match(sides[1], side, 0.0, "nearest")
    return _merged(before, new, place, spec, tally)


def _merged(
    before: DataFrame, new: DataFrame, place: ndarray[Any, Any], spec: JoinSpec, tally: Tally
) -> tuple[DataFrame, DataFrame]:
    """Return all labels, and those that are new or have changed.

    Args:
        before: the labels that were known, each once.
        new: the labels of this delivery.
        place: of each new label, the place of the one before it, or `NONE`.
        spec: what is joined by what.
        tally: counts them.
    """
    import numpy
    from pandas import concat

    is_known = place != NONE
    ours, theirs = (table[spec.label].to_numpy(dtype=object) for table in (new, before))
    is_same = is_known.copy()
    is_same[is_known] = ours[is_known] == theirs[place[is_known]]
    is_changed = is_known & ~is_same
    tally.add("labels_new", int((~is_known).sum()))
    tally.add("labels_changed", int(is_changed.sum()))
    tally.add("labels_repeated", int(is_same.sum()))
    stays = numpy.ones(len(before), dtype=bool)
    stays[place[is_changed]] = False
    fresh = new[~is_same].reset_index(drop=True)
    # An empty table has no types of its own, and would change those of the others.
    parts = [part for part in (before[stays], fresh) if len(part)]
    return concat(parts, ignore_index=True) if parts else fresh, fresh


def _earlier(batch: Batch[DataFrame], spec: JoinSpec) -> DataFrame:
    where = f"earlier labels of run {batch.run}"
    table = _table(batch.value, where)
    _require(table, (*spec.key, spec.label, TIME, RECEIVED), where)
    return table


def _with_key(table: DataFrame, key: Sequence[str], what: str, tally: Tally) -> DataFrame:
    """Leave out rows without a key, and count them."""
    missing = table[list(key)].isna().any(axis=1)
    tally.add(f"{what}_without_key", int(missing.sum()))
    return table[~missing].reset_index(drop=True)


def _table(value: Any, where: str) -> DataFrame:
    """Return a table; of a step with a foreach, its parts as one.

    Raises:
        AtlasError: it is none.
    """
    from pandas import DataFrame, concat

    if isinstance(value, list) and value and all(isinstance(part, DataFrame) for part in value):
        return concat(value, ignore_index=True)
    if not isinstance(value, DataFrame):
        raise AtlasError(f"{where}: found a {type(value).__name__}, expected a DataFrame")
    return value.reset_index(drop=True)


def _require(table: DataFrame, columns: Sequence[str], where: str) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        has = ", ".join(map(str, table.columns[:20])) or "none"
        raise AtlasError(f"{where}: has no column '{missing[0]}'; its columns are {has}")


def counted(tally: Tally) -> Mapping[str, int]:
    """Return what was counted, by name, without what never happened."""
    return {name: number for name, number in sorted(tally.counts.items()) if number}
