"""The catalogue: names as Prometheus has them, and nothing published that changes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from atlas.metrics.catalogue import BY_NAME, CATALOGUE, GROUPING
from atlas.metrics.exposition import DROPPED
from atlas.metrics.metric import BATCH, MONITOR, PUSH, RUN, Metric

RECORDED = Path("tests/recorded/metrics.json")
ids = [metric.name for metric in CATALOGUE]


def published() -> dict[str, dict[str, object]]:
    return {
        metric.name: {"type": metric.type, "help": metric.help, "labels": list(metric.labels)}
        for metric in CATALOGUE
    }


def test_nothing_that_was_published_changes(request: pytest.FixtureRequest) -> None:
    """Another type is refused by a Pushgateway that has the first in any group; a metric may go."""
    if request.config.getoption("--update-golden"):
        before = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
        text = json.dumps({**published(), **before}, indent=2, sort_keys=True)
        RECORDED.write_text(f"{text}\n")
    recorded = json.loads(RECORDED.read_text())
    assert {name: recorded.get(name) for name in published()} == published(), (
        "a metric that is new needs `pytest --update-golden`; one that changes needs a new name"
    )


@pytest.mark.parametrize("metric", CATALOGUE, ids=ids)
def test_names_units_and_labels_are_prometheus_own(metric: Metric) -> None:
    assert re.fullmatch(r"atlas_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith(f"_{metric.unit}") == bool(metric.unit) or not metric.unit
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket"))
    assert re.fullmatch(r"[A-Z][^\n\\]+\.", metric.help)
    assert not set(metric.labels) & {*GROUPING, "instance", "le", "quantile"}
    assert metric.part in (RUN, BATCH, PUSH, MONITOR)
    assert metric.most >= 1
    assert metric.labels or metric.most == 1


def test_each_name_is_there_once() -> None:
    assert len(BY_NAME) == len(CATALOGUE)
    assert set(DROPPED) == {RUN, BATCH, MONITOR}
    assert {BY_NAME[name].part for name in DROPPED.values()} == {RUN, BATCH, MONITOR}
