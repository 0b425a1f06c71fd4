"""What is known of each batch of predictions once labels come: counts, metrics, sums of losses.

The sums of each row's value and of its square add up over batches, so that whoever watches a model
needs no row: mean and variance of any number of batches follow from them.
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.labels.tables import BATCH, RECEIVED, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pandas import DataFrame

    from atlas.labels.measures import Measure
    from atlas.labels.spec import JoinSpec
    from atlas.template import Batch

MOST_SLICES = 200
"""The most values that a column may have that makes slices."""


@dataclass
class BatchRecords:
    """The records of all batches, and what couldn't be measured."""

    batches: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Meter:
    """Measures rows that have labels.

    Attributes:
        spec: what is joined by what.
        measures: the metrics by their names.
        own: gives the user's own metrics of rows.
        undefined: the metrics that some rows have no value of, so far.
    """

    spec: JoinSpec
    measures: Mapping[str, Measure]
    own: Callable[[DataFrame], Mapping[str, float]]
    undefined: set[str] = field(default_factory=set)

    def measured(self, rows: DataFrame) -> dict[str, Any]:
        """Return the metrics of rows, and the sums that those of single rows follow from."""
        metrics: dict[str, float] = {}
        sums: dict[str, dict[str, float]] = {}
        for name, measure in self.measures.items() if len(rows) else ():
            if measure.row is not None:
                values = measure.row(rows, self.spec.columns)
                total, squares = float(values.sum()), float((values * values).sum())
                sums[name] = {"n": len(values), "sum": total, "sum_squares": squares}
                metrics[name] = measure.finish(total / len(values))
            elif measure.whole is not None:
                metrics[name] = measure.whole(rows, self.spec.columns)
        own = self.own(rows) if len(rows) else {}
        metrics |= {name: float(value) for name, value in own.items()}
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        self.undefined.update(metrics.keys() - finite.keys())
        is_enough = len(rows) >= self.spec.least
        return {"labels": len(rows), "metrics": finite if is_enough else {}, "sums": _finite(sums)}


def _finite(sums: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: parts for name, parts in sums.items() if math.isfinite(parts["sum_squares"])}


def batch_records(
    batches: Sequence[Batch[DataFrame]],
    predicted: DataFrame,
    rows: DataFrame,
    meter: Meter,
) -> BatchRecords:
    """Return a record for each batch, in their order.

    Args:
        batches: the batches.
        predicted: all predictions.
        rows: those that have a label.
        meter: measures them.

    Raises:
        AtlasError: a column for slices has too many values, or a metric can't be computed.
    """
    counts = predicted.groupby(BATCH).size() if len(predicted) else {}
    places = rows.groupby(BATCH).indices if len(rows) else {}
    records = BatchRecords()
    for number, batch in enumerate(batches):
        part = rows.iloc[places[number]] if number in places else rows.iloc[:0]
        mine = predicted[predicted[BATCH] == number] if len(predicted) else predicted
        records.batches.append(_record(batch, int(counts.get(number, 0)), mine, part, meter))
    if meter.undefined:
        names = ", ".join(sorted(meter.undefined))
        records.warnings.append(f"{names}: some batches have none, such as those of one class")
    return records


def _record(
    batch: Batch[DataFrame], count: int, predicted: DataFrame, rows: DataFrame, meter: Meter
) -> dict[str, Any]:
    facts = {
        "pipeline": batch.pipeline,
        "run": batch.run,
        "interval_start": batch.interval_start,
        "interval_end": batch.interval_end,
        "created": batch.created,
        "model": batch.model,
        "version": batch.version,
        "predictions": count,
        "first_label": min(rows[RECEIVED], default=""),
        "last_label": max(rows[RECEIVED], default=""),
    }
    return {
        **facts,
        **meter.measured(rows),
        "versions": dict(_versions(predicted, rows, meter)),
        "slices": dict(_slices(rows, meter)),
    }


def _versions(
    predicted: DataFrame, rows: DataFrame, meter: Meter
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the measures of each model version that has predicted rows of the batch."""
    for version, group in predicted.groupby(VERSION, dropna=False, sort=True):
        mine = rows[rows[VERSION] == version]
        yield str(version), {"predictions": len(group), **meter.measured(mine)}


def _slices(rows: DataFrame, meter: Meter) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the measures of each value of each column that makes slices.

    Raises:
        AtlasError: a column has too many values.
    """
    for column in meter.spec.slices:
        groups = rows.groupby(column, dropna=False, sort=True, observed=True)
        if groups.ngroups > MOST_SLICES:
            found = f"the column '{column}' has {groups.ngroups:,} values in a batch"
            raise AtlasError(f"slices: {found}; expected at most {MOST_SLICES}")
        for value, group in groups:
            yield f"{column}={value}", meter.measured(group)


def newest_metrics(batches: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return what is recorded of the newest batch that has metrics, those of its parts as well."""
    newest = next((record for record in reversed(batches) if record["metrics"]), None)
    if newest is None:
        return {}
    versions = newest["versions"]
    parts = {**newest["slices"], **_by_version(versions if len(versions) > 1 else {})}
    of_parts = {
        f"{name}[{part}]": value
        for part, measured in parts.items()
        for name, value in measured["metrics"].items()
    }
    share = {"batch_coverage": newest["labels"] / newest["predictions"]}
    return {**newest["metrics"], **share, **of_parts}


def _by_version(versions: Mapping[str, Any]) -> dict[str, Any]:
    return {f"model_version={version}": measured for version, measured in versions.items()}
