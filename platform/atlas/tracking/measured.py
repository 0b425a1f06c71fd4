"""What a run has measured, as samples of the catalogue: all of it read from the store."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.metrics.exposition import Sample, page
from atlas.metrics.metric import BATCH, RUN
from atlas.tracking.metrics_outbox import Recency, WaitingMetrics
from atlas.tracking.pushgateway import MetricGroup
from atlas.tracking.record import SKIPPED, outcomes_of
from atlas.version import atlas_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.plan import Plan
    from atlas.store import Run, Store

DONE = "done"
_SLICED = re.compile(r"(.+?)\[(.+)\]", re.DOTALL)
"""A metric of a slice: ``roc_auc[region=emea]``."""
_Outcomes = dict[str, list["Mapping[str, Any]"]]
"""Step → the outcomes of its keys; one, where it has no ``foreach``."""


def group_of(plan: Plan) -> MetricGroup:
    """Return the group that a Plan's runs push to."""
    return MetricGroup(plan.environment, plan.name, plan.flow)


def measured(store: Store, plan: Plan, run: Run, *, ended: str, is_done: bool) -> WaitingMetrics:
    """Return what a run that is over gives the Pushgateway.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        ended: when it ended, ISO 8601 in UTC.
        is_done: whether it succeeded.
    """
    outcomes = _outcomes(store, plan, run)
    batch = page(batch_samples(run, outcomes, ended), BATCH) if is_done else ""
    return WaitingMetrics(
        group_of(plan),
        Recency(run.created, run.interval_end),
        page(run_samples(plan, run, outcomes, ended, is_done=is_done), RUN),
        batch,
        tuple(step.name for step in plan.steps),
    )


def run_samples(
    plan: Plan, run: Run, outcomes: _Outcomes, ended: str, *, is_done: bool
) -> Iterator[Sample]:
    """Return what every run measures."""
    start, end = _time(run.created), _time(ended)
    every = [outcome for of_step in outcomes.values() for outcome in of_step]
    retries = {step: sum(map(_retries, of_step)) for step, of_step in outcomes.items()}
    yield Sample("atlas_run_success", float(is_done))
    yield Sample("atlas_run_start_timestamp_seconds", start)
    yield Sample("atlas_run_end_timestamp_seconds", end)
    yield Sample("atlas_run_duration_seconds", max(0.0, end - start))
    yield Sample("atlas_run_retries", sum(retries.values()))
    yield Sample("atlas_run_cached_steps", sum(bool(outcome.get("cached")) for outcome in every))
    facts = (run.id, run.trigger, plan.config, run.commit, run.target, atlas_version())
    yield Sample("atlas_run_info", 1, facts)
    for step in plan.steps:
        of_step = outcomes.get(step.name, [])
        yield Sample("atlas_step_success", float(_is_done(of_step)), (step.name,))
        seconds = sum(float(outcome.get("seconds", 0.0)) for outcome in of_step)
        yield Sample("atlas_step_duration_seconds", seconds, (step.name,))
        yield Sample("atlas_step_retries", retries.get(step.name, 0), (step.name,))


def batch_samples(run: Run, outcomes: _Outcomes, ended: str) -> Iterator[Sample]:
    """Return what a successful run measures of its batch."""
    yield Sample("atlas_batch_end_timestamp_seconds", _time(ended))
    bounds = {"start": run.interval_start, "end": run.interval_end}
    for bound, time in bounds.items():
        if time:
            yield Sample(f"atlas_batch_interval_{bound}_timestamp_seconds", _time(time))
    model = (run.model.name, run.model.version) if run.model else ("", "")
    yield Sample("atlas_batch_info", 1, (run.id, *model))
    for step, of_step in outcomes.items():
        yield from _rows(step, [outcome.get("statistics", {}) for outcome in of_step])
        for outcome in of_step:
            for name, value in outcome.get("metrics", {}).items():
                yield _model_metric(step, name, value, outcome.get("index"))
            for kind in ("feature", "prediction"):
                columns = outcome.get("statistics", {}).get(f"{kind}s", {})
                for column, statistics in columns.items():
                    yield from _column(kind, column, statistics)


def _rows(step: str, statistics: Sequence[Mapping[str, Any]]) -> Iterator[Sample]:
    """Return the numbers of rows that a step gave, read and wrote, all keys together."""
    for kind, name in _ROWS.items():
        total: dict[str, float] = {}
        for of_key in statistics:
            for what, facts in of_key.get(kind, {}).items():
                total[what] = total.get(what, 0) + facts.get("rows", 0)
        yield from (Sample(name, rows, (step, what)) for what, rows in total.items())
    for of_key in statistics:
        for data, facts in of_key.get("read", {}).items():
            if "newest" in facts:
                yield Sample("atlas_data_newest_timestamp_seconds", facts["newest"], (data,))
                yield Sample("atlas_data_freshness_seconds", facts["age"], (data,))


_ROWS = {
    "outputs": "atlas_rows",
    "read": "atlas_data_rows_read",
    "written": "atlas_data_rows_written",
}


def _model_metric(step: str, name: str, value: float, index: int | None) -> Sample:
    """Return a metric that a step recorded, apart from the slice that its name may end with.

    Of a step that runs once for each key, each key is a slice.
    """
    sliced = _SLICED.fullmatch(name)
    metric, part = (sliced[1], sliced[2]) if sliced else (name, "")
    part = part if index is None else f"index={index}{part and ','}{part}"
    return Sample("atlas_model_metric", value, (f"{step}.{metric}", part))


def _column(kind: str, column: str, statistics: Mapping[str, Any]) -> Iterator[Sample]:
    """Return the statistics of one column."""
    name = f"atlas_{kind}"
    for statistic, value in statistics.items():
        if statistic == "quantiles":
            for probability, quantile in value.items():
                yield Sample(f"{name}_quantile", quantile, (column, probability))
        elif statistic == "categories":
            for category, rows in value.items():
                yield Sample(f"{name}_category_rows", rows, (column, category))
        else:
            yield Sample(f"{name}_{statistic}", value, (column,))


def _outcomes(store: Store, plan: Plan, run: Run) -> _Outcomes:
    """Return the outcomes by step, those of the run's own Plan."""
    keyed = {step.name for step in plan.steps if step.foreach is not None}
    outcomes: _Outcomes = {}
    for name, outcome in outcomes_of(store, plan, run):
        step, _, index = name.rpartition(".")
        own = {"index": int(index)} if step in keyed else {}
        if outcome.get("plan") == run.plan and outcome.get("status") != SKIPPED:
            outcomes.setdefault(step if own else name, []).append({**outcome, **own})
    return outcomes


def _is_done(outcomes: Sequence[Mapping[str, Any]]) -> bool:
    return bool(outcomes) and all(outcome.get("status") == DONE for outcome in outcomes)


def _retries(outcome: Mapping[str, Any]) -> int:
    return max(0, int(outcome.get("attempts", 1)) - 1)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
