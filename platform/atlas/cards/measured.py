"""The metrics of a version, with intervals from the rows that its run has stored, and by slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.cards.card import CardMetric
from atlas.cards.intervals import Interval, interval_of
from atlas.config import ROW_METRICS, PromotionRule
from atlas.errors import AtlasError
from atlas.models.findings import champions
from atlas.models.rows import MOST_SLICES
from atlas.store import artifact_key
from atlas.tracking.record import metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pandas import DataFrame

    from atlas.plan import Plan
    from atlas.store import Run, Store

_NO_ROWS = "the step stores no rows"


def metrics_with_intervals(
    store: Store, plan: Plan, run: Run, notes: list[str], slices: tuple[str, ...]
) -> Iterator[CardMetric]:
    """Give the metrics of a training run; those that are means of stored rows with intervals.

    Args:
        store: the artifact store.
        plan: the run's Plan.
        run: the run.
        notes: takes what can't be read, and why.
        slices: columns by whose values metrics are given as well.
    """
    rule = run.rule(plan)
    asked = {metric.metric for metric in rule.metrics} if rule else set()
    tables: dict[str, DataFrame | None] = {}
    for name, value in sorted(metrics_of(store, plan, run).items()):
        step, _, metric = name.rpartition(".")
        if metric.startswith(champions("")) or step.endswith(f".{champions('')[:-1]}"):
            continue
        if step not in tables:
            tables[step] = _rows(store, plan, run, step, notes)
        yield from _metric(name, value, tables[step], slices, is_asked=name in asked)


def _rows(store: Store, plan: Plan, run: Run, step: str, notes: list[str]) -> Any:
    """Return a step's stored rows; None where it has none, or they can't be read."""
    outcome = store.outcome(run.pipeline, run.id, step) if step in plan.by_name else None
    if not outcome or ROW_METRICS not in outcome.get("outputs", {}):
        return None
    try:
        key = artifact_key(run.pipeline, run.id, step, ROW_METRICS, None)
        table = store.read(store.manifest_at(key))
    except AtlasError as error:
        notes.append(f"rows of {step}: {error}")
        return None
    return table if hasattr(table, "columns") else None


def _metric(
    name: str, value: float, table: Any, slices: tuple[str, ...], *, is_asked: bool
) -> Iterator[CardMetric]:
    """Give one metric, and its slices."""
    column = name.rpartition(".")[2]
    if table is None or column not in table.columns or table[column].dtype.kind not in "fb":
        why = _NO_ROWS if table is None else "not a mean of rows"
        yield CardMetric(name, value, method=why, rule=is_asked)
        return
    yield _of_rows(name, value, "", table[column], is_asked=is_asked)
    for by in (by for by in slices if by in table.columns):
        groups = table.groupby(by, dropna=False, sort=True, observed=True)[column]
        for key, part in groups if groups.ngroups <= MOST_SLICES else ():
            mean = float(part.mean())
            yield _of_rows(name, mean, f"{by}={key}", part, is_asked=is_asked)


def _of_rows(name: str, value: float, part: str, column: Any, *, is_asked: bool) -> CardMetric:
    import numpy

    values = column.to_numpy(dtype=numpy.float64, na_value=numpy.nan)
    found: Interval = interval_of(values)
    low, high, method = found
    return CardMetric(name, value, part, len(values), low, high, method, is_asked)


def slices_of(plan: Plan) -> tuple[str, ...]:
    """Return the columns that make slices: those of the card, else those of the promotion."""
    own: Mapping[str, Any] = plan.card
    rule = PromotionRule.parse(plan.promotion)
    return tuple(own.get("slices", ())) or (rule.by if rule else ())
