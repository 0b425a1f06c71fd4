"""The catalogue: every metric that Atlas gives Prometheus, once.

A name's type, labels and HELP never change: a Pushgateway refuses a push in which a metric has
another type than in any other group, and of two HELP texts it shows either. What has to change
gets a new name (`tests/recorded/metrics.json` holds what was published).

All metrics are gauges that describe the last run; ``changes(atlas_run_end_timestamp_seconds[1d])``
counts runs. Each series also has the labels of its group, `GROUPING`. A group is a pipeline's flow
in an Environment, so no two groups can have the same series. A pipeline's monitor has a group of
its own, with the flow ``monitor``.
"""

from __future__ import annotations

from atlas.metrics.metric import BATCH, PUSH, Metric
from atlas.metrics.monitored import MONITORED

JOB = "atlas"
"""Value of the label ``job`` of every group."""
GROUPING = ("job", "environment", "pipeline", "flow")
"""Labels that every series has: they name the group."""

PROBABILITIES = (0.01, 0.25, 0.5, 0.75, 0.99)
"""The quantiles of a column."""
OTHER = "(other)"
"""Value of the label ``category`` for all categories beyond the most frequent ones."""


_STEPS, _MODEL_METRICS, _DATA, _COLUMNS, _CATEGORIES = 300, 300, 100, 100, 1000

_RUN = (
    Metric("atlas_run_success", "Whether the last run succeeded: 1 or 0."),
    Metric(
        "atlas_run_start_timestamp_seconds",
        "When the last run began, in Unix time.",
        unit="seconds",
    ),
    Metric(
        "atlas_run_end_timestamp_seconds", "When the last run ended, in Unix time.", unit="seconds"
    ),
    Metric(
        "atlas_run_duration_seconds",
        "How long the last run took, from its creation to its end.",
        unit="seconds",
    ),
    Metric("atlas_run_retries", "Attempts of the last run's steps beyond the first of each."),
    Metric("atlas_run_cached_steps", "Steps of the last run that took an earlier result."),
    Metric(
        "atlas_run_info",
        "The last run, as labels; the value is always 1.",
        ("run", "trigger", "config", "commit", "target", "atlas_version"),
    ),
    Metric(
        "atlas_step_success",
        "Whether the step succeeded in the last run: 1 or 0.",
        ("step",),
        most=_STEPS,
    ),
    Metric(
        "atlas_step_duration_seconds",
        "How long the step took in the last run, all keys together; 0 if it did not run.",
        ("step",),
        unit="seconds",
        most=_STEPS,
    ),
    Metric(
        "atlas_step_retries",
        "Attempts of the step in the last run beyond the first of each key.",
        ("step",),
        most=_STEPS,
    ),
    Metric("atlas_run_dropped_series", "Series of the last run above the limits, left out."),
)

_BATCH = (
    Metric(
        "atlas_batch_end_timestamp_seconds",
        "When the last successful run ended, in Unix time.",
        part=BATCH,
        unit="seconds",
    ),
    Metric(
        "atlas_batch_interval_start_timestamp_seconds",
        "Start of the last successful run's data interval, in Unix time.",
        part=BATCH,
        unit="seconds",
    ),
    Metric(
        "atlas_batch_interval_end_timestamp_seconds",
        "End of the last successful run's data interval, in Unix time.",
        part=BATCH,
        unit="seconds",
    ),
    Metric(
        "atlas_batch_info",
        "The last successful run and the model version that it used; the value is always 1.",
        ("run", "model", "model_version"),
        part=BATCH,
    ),
    Metric(
        "atlas_rows",
        "Rows of a table that the step gave as an output, all keys together.",
        ("step", "output"),
        part=BATCH,
        most=_STEPS,
    ),
    Metric(
        "atlas_data_rows_read",
        "Rows that the step read from a data set.",
        ("step", "data"),
        part=BATCH,
        most=_DATA,
    ),
    Metric(
        "atlas_data_rows_written",
        "Rows that the step wrote to a data set.",
        ("step", "data"),
        part=BATCH,
        most=_DATA,
    ),
    Metric(
        "atlas_data_newest_timestamp_seconds",
        "Time of the newest row that was read from the data set, in Unix time.",
        ("data",),
        part=BATCH,
        unit="seconds",
        most=_DATA,
    ),
    Metric(
        "atlas_data_freshness_seconds",
        "Age of the data set's newest row when it was read.",
        ("data",),
        part=BATCH,
        unit="seconds",
        most=_DATA,
    ),
    Metric(
        "atlas_model_metric",
        "Metric that a step recorded, as step.metric; of a slice of the rows, where slice is set.",
        ("metric", "slice"),
        part=BATCH,
        most=_MODEL_METRICS,
    ),
    Metric(
        "atlas_batch_dropped_series", "Series of the batch above the limits, left out.", part=BATCH
    ),
)


def _statistics(kind: str, shown: str) -> tuple[Metric, ...]:
    """Return the metrics of one kind of columns: those of the Config's ``statistics``."""

    def metric(name: str, text: str, *labels: str, most: int = _COLUMNS) -> Metric:
        return Metric(f"atlas_{kind}_{name}", text, (kind, *labels), BATCH, most=most)

    return (
        metric("values", f"Values of the {shown} in the batch that are not missing."),
        metric("missing", f"Missing values of the {shown} in the batch."),
        metric("infinite", f"Infinite values of the {shown} in the batch."),
        metric("mean", f"Mean of the {shown}'s finite values."),
        metric("standard_deviation", f"Standard deviation of the {shown}'s finite values."),
        metric("minimum", f"Least finite value of the {shown}."),
        metric("maximum", f"Greatest finite value of the {shown}."),
        metric(
            "quantile",
            f"Quantile of the {shown}'s finite values at a probability.",
            "probability",
            most=_COLUMNS * len(PROBABILITIES),
        ),
        metric("distinct", f"Distinct values of the {shown}, where it is categorical."),
        metric(
            "category_rows",
            f"Rows of each frequent category of the {shown}; (other) has the rest.",
            "category",
            most=_CATEGORIES,
        ),
    )


_PUSH = (
    Metric(
        "atlas_push_timestamp_seconds",
        "When the group was last pushed, in Unix time.",
        part=PUSH,
        unit="seconds",
    ),
)

CATALOGUE = (
    *_RUN,
    *_BATCH,
    *_statistics("feature", "feature"),
    *_statistics("prediction", "prediction"),
    *MONITORED,
    *_PUSH,
)
"""Every metric, in the order in which a page has them."""
BY_NAME = {metric.name: metric for metric in CATALOGUE}
