"""Rules about alerts, in a Config and in an Environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.config_alerts import Alerts
from atlas.plan import resolve
from tests.unit.atlas.shop import DROP, checked, shop, write

C, E = "config.json", "environments/local.json"
AT = f"{C} alerts"
ERROR = {"metric": "evaluate.error", "above": 10}


def metric(**more: Any) -> dict[str, Any]:
    return {"metrics": [{**ERROR, **more}]}


WRONG: dict[str, tuple[list[tuple[str, str, Any]], list[str]]] = {
    "late without a schedule": (
        [(C, "schedule", DROP), (C, "alerts", {"late": "2h"})], [f"A001 {AT}.late"],
    ),
    "an unknown step": (
        [(C, "alerts", metric(metric="evaluat.error"))], [f"A002 {AT}.metrics[0].metric"],
    ),
    "a step of another flow": (
        [(C, "alerts", metric(flow="inference"))], [f"A002 {AT}.metrics[0].metric"],
    ),
    "an unknown metric": (
        [(C, "alerts", metric(metric="atlas_row"))], [f"A002 {AT}.metrics[0].metric"],
    ),
    "no bound": ([(C, "alerts", {"metrics": [{"metric": "evaluate.error"}]})], [f"A003 {AT}.metrics[0]"]),
    "bounds that everything breaks": (
        [(C, "alerts", metric(below=20))], [f"A003 {AT}.metrics[0]"],
    ),
    "an unknown label": (
        [(C, "alerts", metric(metric="atlas_rows", where={"steps": "load"}))],
        [f"A004 {AT}.metrics[0].where.steps"],
    ),
    "a label that is fixed": (
        [(C, "alerts", metric(where={"metric": "x"}))], [f"A004 {AT}.metrics[0].where.metric"],
    ),
    "a reserved label": (
        [(C, "alerts", {"failed": True, "labels": {"pipeline": "x", "__x": "y", "team": "z"}})],
        [f"A004 {AT}.labels.pipeline", f"A004 {AT}.labels.__x"],
    ),
    "the same twice": (
        [(C, "alerts", {"metrics": [ERROR, {**ERROR, "severity": "critical"}, {**ERROR, "above": 20}]})],
        [f"A005 {AT}.metrics[2]"],
    ),
    "stale between two runs": ([(C, "alerts", {"stale": "1h"})], [f"N010 {AT}.stale"]),
    "a monitor that isn't there": ([(C, "alerts", {"retraining": True}), (C, "retraining", DROP)], [f"A006 {AT}.retraining"]),
    "a trigger that isn't there": (
        [(C, "alerts", {"retraining": {"triggers": ["new_labels", "drift"]}}), (C, "retraining", {"new_labels": 9})],
        [f"A006 {AT}.retraining.triggers[1]"],
    ),
    "a metric of a monitor that isn't there": (
        [(C, "alerts", metric(metric="atlas_monitor_rows")), (C, "retraining", DROP)], [f"A006 {AT}.metrics[0].metric"],
    ),
    "a flow's metric that is the monitor's": (
        [(C, "alerts", metric(metric="atlas_monitor_rows", flow="inference")), (C, "retraining", {"new_labels": 9})],
        [f"A002 {AT}.metrics[0].flow"],
    ),
    "of an Environment": (
        [(E, "alerts", {"shop": metric(metric="evaluat.error")})], [f"A002 {E[13:]} alerts.shop.metrics[0].metric"],
    ),
    "of a Config that there isn't": ([(E, "alerts", {"ship": None})], [f"E004 {E[13:]} alerts.ship"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong(name: str, tmp_path: Path) -> None:
    changes, expected = WRONG[name]
    assert checked(write(tmp_path, shop(*changes))) == expected


RIGHT: list[list[tuple[str, str, Any]]] = [
    [(C, "alerts", {"late": {"after": "2h", "severity": "critical"}, "failed": True, "stale": "80h"})],
    [(C, "alerts", metric(flow="training", below=1, **{"for": "10m"}))],
    [(C, "alerts", metric(where={"slice": "region=emea"}))],
    [(C, "alerts", metric(metric="atlas_rows", where={"step": "load"}))],
    [(C, "schedule", DROP), (E, "schedules", {"shop": {"inference": {"cron": "0 5 * * *"}}}),
     (C, "alerts", {"late": "2h"})],
    [(E, "schedules", {"shop": {"inference": None}}), (C, "alerts", {"late": "2h", "stale": "1h"})],
    [(C, "alerts", {"retraining": True, **metric(metric="atlas_monitor_distance", where={"column": "x"})}),
     (C, "retraining", {"new_labels": 9})],
    [(C, "retraining", {"new_labels": 9}), (E, "alerts", {"shop": {"retraining": {"waiting": "1d"}}})],
    [(C, "alerts", {"late": "2h"}), (E, "alerts", {"shop": None})],
    [(C, "alerts", {"late": "2h"}), (E, "alerts", {"shop": {"late": None, "failed": True}})],
]  # fmt: skip


@pytest.mark.parametrize("changes", RIGHT)
def test_what_is_right(changes: list[tuple[str, str, Any]], tmp_path: Path) -> None:
    assert checked(write(tmp_path, shop(*changes))) == []


def alerts(tmp_path: Path, config: Any, environment: Any) -> Alerts:
    changes = [(C, "alerts", config), (E, "alerts", {"shop": environment})]
    (pipeline,) = resolve(write(tmp_path, shop(*changes)))
    return pipeline.alerts


def test_an_environment_replaces_key_by_key(tmp_path: Path) -> None:
    config = {"late": "2h", "failed": True, "severity": "info", "runbook": "https://x/y"}
    own = {"late": {"after": "1h", "severity": "critical"}, "failed": None, "stale": "90h"}
    found = alerts(tmp_path, config, own)
    assert found.late is not None
    assert (found.late.seconds, found.late.severity) == (3600, "critical")
    assert found.late.runbook == "https://x/y"
    assert found.failed is None
    assert found.stale is not None
    assert (found.stale.seconds, found.stale.severity) == (90 * 3600, "info")


def test_an_environment_switches_all_of_them_off(tmp_path: Path) -> None:
    assert not alerts(tmp_path, {"late": "2h", "failed": True}, None)


def test_alerts_are_in_no_plan(tmp_path: Path) -> None:
    """Whoever changes an alert runs, compiles and deploys the same pipeline."""
    write(tmp_path, shop())
    (before,) = resolve(tmp_path)
    write(tmp_path, shop((C, "alerts", {"late": "2h"})))
    (after,) = resolve(tmp_path)
    digests = [{flow: plan.digest for flow, plan in p.plans.items()} for p in (before, after)]
    assert digests[0] == digests[1]
    assert after.alerts
    assert not before.alerts
