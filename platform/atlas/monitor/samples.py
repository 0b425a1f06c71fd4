"""What a check has found, as samples of the catalogue of metrics."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from atlas.metrics.exposition import Sample, page
from atlas.metrics.metric import MONITOR
from atlas.tracking.metrics_outbox import Recency, WaitingMetrics
from atlas.tracking.pushgateway import MetricGroup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.monitor.checked import CheckedPipeline
    from atlas.monitor.event_states import EventState
    from atlas.monitor.report.content import MonitorPage

STATES = ("open", "waiting", "blocked", "running", "registered", "promoted", "rejected",
          "requested", "failed", "declined", "superseded")  # fmt: skip
"""What may have become of an event: each has a series, so that a rule sees a 0."""


def monitor_metrics(
    checked: CheckedPipeline, shown: MonitorPage, states: Sequence[EventState]
) -> WaitingMetrics:
    """Return what a check gives the Pushgateway: the whole group of the pipeline's monitor.

    Args:
        checked: what was found.
        shown: the page of the check, which has the last look.
        states: what has become of the pipeline's events.
    """
    group = MetricGroup(checked.environment, checked.pipeline, MONITOR)
    text = page(samples(checked, shown, states), MONITOR)
    return WaitingMetrics(group, Recency(checked.checked), batch=text)


def samples(
    checked: CheckedPipeline, shown: MonitorPage, states: Sequence[EventState]
) -> Iterator[Sample]:
    """Give the samples of a check."""
    yield Sample("atlas_monitor_check_timestamp_seconds", _time(checked.checked))
    yield Sample("atlas_monitor_info", 1.0, (checked.model, checked.champion))
    yield Sample("atlas_monitor_batches", checked.batches)
    yield Sample("atlas_monitor_rows", checked.rows)
    yield Sample("atlas_monitor_breaches", shown.broken)
    yield Sample("atlas_monitor_warnings", len(checked.warnings))
    yield from _triggers(checked)
    yield from _drift(shown)
    yield from _events(checked, states)


def _triggers(checked: CheckedPipeline) -> Iterator[Sample]:
    for state in checked.triggers:
        name = (state.name,)
        yield Sample("atlas_monitor_trigger_fired", float(state.fired), name)
        if state.value is not None:
            yield Sample("atlas_monitor_trigger_value", state.value, name)
        if state.threshold is not None:
            yield Sample("atlas_monitor_trigger_threshold", state.threshold, name)
        if state.budget:
            yield Sample("atlas_monitor_risk_spent", state.spent, name)
            yield Sample("atlas_monitor_risk_budget", state.budget, name)


def _drift(shown: MonitorPage) -> Iterator[Sample]:
    """Give what the last look saw; the columns of the lowest chance first, for there is a limit."""
    yield Sample("atlas_monitor_looks", shown.looks)
    drifted = {
        (table, one.feature)
        for table, measured in shown.measured.items()
        for one in measured
        if one.alarms
    }
    yield Sample("atlas_monitor_drifted_columns", len(drifted))
    for table, measured in shown.measured.items():
        worst: dict[str, float] = {}
        for one in measured:
            worst[one.feature] = max(worst.get(one.feature, 0.0), one.of_threshold)
        for column, share in worst.items():
            yield Sample("atlas_monitor_distance", share, (table, column))


def _events(checked: CheckedPipeline, states: Sequence[EventState]) -> Iterator[Sample]:
    """Give what has become of the events about the present champion."""
    known = (checked.champion, checked.digest)
    own = [one for one in states if (one.event.version, one.event.digest) == known]
    number = Counter(one.state for one in own)
    for state in dict.fromkeys((*STATES, *number)):
        yield Sample("atlas_monitor_retrainings", number[state], (state,))
    waiting = [_time(one.event.created) for one in own if one.is_under_way and one.event.created]
    if waiting:
        yield Sample("atlas_monitor_open_event_timestamp_seconds", min(waiting))


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
