"""The metrics of a monitor: how a pipeline's champion does, and what starts its next training."""

from __future__ import annotations

from atlas.metrics.metric import MONITOR, Metric

_TRIGGERS, _STATES, _COLUMNS = 20, 20, 1000


def _metric(name: str, text: str, *labels: str, most: int = 1, unit: str = "") -> Metric:
    return Metric(f"atlas_monitor_{name}", text, labels, MONITOR, unit, most)


MONITORED = (
    _metric(
        "check_timestamp_seconds",
        "When the monitor last looked at the pipeline, in Unix time.",
        unit="seconds",
    ),
    _metric(
        "info",
        "The champion that was looked at, as labels; the value is always 1.",
        "model",
        "model_version",
    ),
    _metric("batches", "Batches that the champion has scored."),
    _metric("rows", "Rows of the batches that the champion has scored."),
    _metric(
        "trigger_fired",
        "Whether the trigger has fired, and its retraining isn't over; of estimate, whether it "
        "warns: 1 or 0.",
        "trigger",
        most=_TRIGGERS,
    ),
    _metric(
        "trigger_value",
        "What the trigger compares with its threshold: rows, labels, a metric, a distance.",
        "trigger",
        most=_TRIGGERS,
    ),
    _metric(
        "trigger_threshold",
        "What the value of the trigger is compared with.",
        "trigger",
        most=_TRIGGERS,
    ),
    _metric(
        "risk_spent",
        "Probability of a false alarm of the trigger that is spent in the champion's life so far.",
        "trigger",
        most=_TRIGGERS,
    ),
    _metric(
        "risk_budget",
        "Probability of a false alarm of the trigger in the champion's whole life.",
        "trigger",
        most=_TRIGGERS,
    ),
    _metric("looks", "Looks for drift in the champion's life."),
    _metric("drifted_columns", "Columns that alarmed at the last look for drift."),
    _metric(
        "distance",
        "Distance of the column from training's, as a share of its threshold, at the last look; "
        "above 1 is an alarm. Of its tests, the one that is most against it.",
        "table",
        "column",
        most=_COLUMNS,
    ),
    _metric("breaches", "Promises of the training data that the last batch breaks."),
    _metric("warnings", "Reasons why the monitor could not look at something."),
    _metric(
        "retrainings",
        "Events about the champion, by what has become of their retraining.",
        "state",
        most=_STATES,
    ),
    _metric(
        "open_event_timestamp_seconds",
        "When the oldest event was written whose retraining isn't over, in Unix time.",
        unit="seconds",
    ),
    _metric("dropped_series", "Series of the monitor above the limits, left out."),
)
"""Every metric of a monitor."""
