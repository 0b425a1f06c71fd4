"""Samples as Prometheus's text: within the limits, and such that a Pushgateway takes every page.

A page that a Pushgateway refuses would cost a run all of its metrics. So nothing is left to it:
only metrics of the catalogue with exactly their labels are written, each series once, in any text
that a label may have; what is above a metric's limit is left out and counted.
"""

from __future__ import annotations

import hashlib
import math
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from atlas.metrics.catalogue import BY_NAME, CATALOGUE
from atlas.metrics.metric import BATCH, MONITOR, RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.metrics.metric import Metric

LONGEST_VALUE = 120
"""The most characters of a label's value; a longer one ends with 8 digits of its digest."""
DROPPED = {
    RUN: "atlas_run_dropped_series",
    BATCH: "atlas_batch_dropped_series",
    MONITOR: "atlas_monitor_dropped_series",
}
"""The metric of each part of a group that counts the series that were left out."""


class Sample(NamedTuple):
    """One value of a metric.

    Attributes:
        name: the metric's name.
        value: a number; NaN and the infinities are numbers here.
        labels: the values of the metric's labels, in the catalogue's order.
    """

    name: str
    value: float
    labels: tuple[str, ...] = ()


def page(samples: Iterable[Sample], part: str) -> str:
    """Return the text of the samples that belong to a part of a group.

    Args:
        samples: in any order; of one series the last value counts.
        part: `RUN`, `BATCH`, `PUSH` or `MONITOR`.

    Raises:
        KeyError: a sample's metric isn't in the catalogue.
        ValueError: a sample has another number of labels than its metric.
    """
    series = _series(samples, part)
    if part in DROPPED:
        dropped = sum(max(0, len(values) - BY_NAME[name].most) for name, values in series.items())
        series[DROPPED[part]] = {(): float(dropped)}
    families = ((metric, series.get(metric.name)) for metric in CATALOGUE)
    lines = (line for metric, values in families if values for line in _family(metric, values))
    return "".join(f"{line}\n" for line in lines)


def _series(samples: Iterable[Sample], part: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values by metric and labels."""
    series: dict[str, dict[tuple[str, ...], float]] = {}
    for name, value, labels in samples:
        metric = BY_NAME[name]
        if len(labels) != len(metric.labels):
            raise ValueError(f"{name}: found {len(labels)} labels, expected {len(metric.labels)}")
        if metric.part == part:
            series.setdefault(name, {})[tuple(map(bounded, labels))] = value
    return series


def _family(metric: Metric, values: Mapping[tuple[str, ...], float]) -> list[str]:
    """Return the lines of one metric, within its limit."""
    head = [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.type}"]
    rows = (
        f"{metric.name}{labelled(dict(zip(metric.labels, labels, strict=True)))} {number(value)}"
        for labels, value in islice(values.items(), metric.most)
    )
    return [*head, *rows]


def labelled(labels: Mapping[str, str]) -> str:
    """Return labels as they stand behind a metric's name; an empty value isn't a label."""
    inner = ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items() if value)
    return f"{{{inner}}}" if inner else ""


def bounded(value: str) -> str:
    """Return a label's value of at most `LONGEST_VALUE` characters, different for each text."""
    text = value.encode("utf-8", "replace").decode()
    if len(text) <= LONGEST_VALUE:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: LONGEST_VALUE - 9]}~{digest}"


def escaped(value: str) -> str:
    """Return a label's value as it stands between quotes."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def number(value: float) -> str:
    """Return a number as Prometheus writes it."""
    value = float(value)
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
