"""The table of metrics in docs/monitoring.md is the catalogue."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from atlas.config import Config
from atlas.config_alerts import alerts_of
from atlas.environment import Environment
from atlas.metrics.catalogue import CATALOGUE

PAGE = Path("docs/monitoring.md")
_MARK = re.compile(r"(<!-- catalogue -->\n)(?:\n\|.*?\n(?=\n))?", re.DOTALL)


def table() -> str:
    """Return the catalogue as a table."""
    rows = [
        f"| `{metric.name}` | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.part} "
        f"| {metric.unit} | {metric.most:,} | {metric.help} |"
        for metric in CATALOGUE
    ]
    head = ["| metric | labels | part | unit | at most | |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def test_the_table_is_the_catalogue(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text()
    right = _MARK.sub(lambda mark: f"{mark[1]}\n{table()}\n", text)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(right)
    assert PAGE.read_text() == right
    assert right.count(f"`{CATALOGUE[0].name}`") == 1


def test_its_config_is_one() -> None:
    example, alerts, monitor = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    config = Config.parse({"name": "x", "recipes": {}, **json.loads(example)})
    assert config.statistics["features"].columns == ("mean radius", "mean texture")
    assert str(config.statistics["predictions"].source) == "score.scores"
    config = Config.parse({"name": "x", "recipes": {}, **json.loads(alerts)})
    metrics = ["evaluate.roc_auc", "atlas_data_freshness_seconds"]
    assert alerts_of(config, Environment()).names() == ["late", "failed", "stale", *metrics]
    config = Config.parse({"name": "x", "recipes": {}, **json.loads(monitor)})
    asked = alerts_of(config, Environment()).retraining
    assert asked is not None
    assert (asked.triggers, asked.late, asked.spent) == (("drift",), 7200.0, 0.9)
    assert asked.rule.severity == "critical"
