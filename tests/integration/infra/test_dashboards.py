"""Every query of Grafana's dashboards, asked of the real Prometheus after real runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests import monitored
from tests.projects import Project, project
from tests.servers import prometheus, pushgateway

__all__ = ["project", "prometheus", "pushgateway"]

FILES = sorted(Path("platform/services/grafana").resolve().glob("*.json"))


def test_every_query_gives_series(
    project: Project, pushgateway: str, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_PUSHGATEWAY_URL", pushgateway)
    monitored.write(project)
    monitored.run(project)
    monitored.push_monitor(pushgateway)
    there = ('up{job="prometheus"}', "ALERTS or up", "atlas_monitor_info")
    for promql in ('atlas_run_success{flow="inference"}', *there):
        assert monitored.wait_for(prometheus, promql)
    asked = 0
    for file in FILES:
        document = json.loads(file.read_text())
        for variable in document["templating"]["list"]:
            if variable["type"] != "query":
                continue
            metric, label = re.fullmatch(
                r"label_values\((.*), (\w+)\)", variable["query"]["query"]
            ).groups()
            found = monitored.query(prometheus, f"count by ({label}) ({chosen(metric)})")
            assert all(one["metric"].get(label) for one in found), variable["name"]
            assert found, variable["name"]
        for panel in document["panels"]:
            for target in panel["targets"]:
                found = monitored.wait_for(prometheus, chosen(target["expr"]), 10)
                assert found, f"{file.name}: {panel['title']}: {target['expr']}"
                asked += 1
    assert asked > 50


def chosen(promql: str) -> str:
    """Return a query with all that there is chosen, as Grafana fills it in."""
    return re.sub(r"\$[a-z]+", ".*", promql)
