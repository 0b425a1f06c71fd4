"""The rules of a flow, as data: which there are, of which flow, and the same bytes each time."""

from __future__ import annotations

from typing import Any

import yaml

from atlas.alerts import RuleFlow, rule_file
from atlas.alerts.group import DIGEST_RECORD
from atlas.config_alerts import Alerts

EVALUATE = {"metric": "evaluate.error", "above": 3}


def rules(alerts: dict[str, Any], flow: str = "inference", **more: Any) -> list[dict[str, Any]]:
    usual = {
        "steps": frozenset({"evaluate"}),
        "is_watched": True,
        "schedule": {"cron": "0 6 * * *"},
    }
    made = RuleFlow(f"shop-{flow}", "shop", "dev", flow, ["shop"], **{**usual, **more})
    text = rule_file(made, Alerts.parse(alerts))
    return yaml.safe_load(text)["groups"][0]["rules"] if text else []


def names(alerts: dict[str, Any], flow: str = "inference", **more: Any) -> list[str]:
    return [rule["alert"] for rule in rules(alerts, flow, **more) if "alert" in rule]


def test_nothing_asked_for_is_no_file() -> None:
    assert rules({}) == []
    assert rules({"labels": {"team": "x"}, "failed": False}) == []


def test_each_flow_has_what_is_about_it() -> None:
    late = ["AtlasPipelineLate"] * 2
    assert names({"late": "2h"}) == late
    assert names({"late": "2h"}, "training") == late
    assert names({"late": "2h"}, schedule={}) == []
    assert names({"stale": "2h"}, is_watched=False) == []
    assert names({"metrics": [EVALUATE]}, steps=frozenset({"score"})) == []
    assert names({"metrics": [{**EVALUATE, "flow": "training"}]}) == []
    assert names({"metrics": [{"metric": "atlas_rows", "above": 3}]}, steps=frozenset()) != []


def test_a_step_with_a_slice_a_key_is_looked_at_in_every_slice() -> None:
    (whole,) = [rule for rule in rules({"metrics": [EVALUATE]}) if "alert" in rule]
    assert 'slice=""' in whole["expr"]
    keyed = frozenset({"evaluate"})
    (each,) = [rule for rule in rules({"metrics": [EVALUATE]}, keyed=keyed) if "alert" in rule]
    assert "slice=" not in each["expr"]


def test_the_digest_says_what_the_group_holds() -> None:
    def digest(alerts: dict[str, Any], **more: Any) -> str:
        (info,) = [r for r in rules(alerts, **more) if r.get("record") == DIGEST_RECORD]
        return str(info["labels"]["digest"])

    assert digest({"late": "2h"}) == digest({"late": "120m"})
    assert digest({"late": "2h"}) != digest({"late": "3h"})
    assert digest({"late": "2h"}) != digest({"late": "2h"}, schedule={"cron": "0 6 * * 1"})


def test_the_order_of_members_changes_no_byte() -> None:
    def text(*pipelines: str) -> bytes:
        flow = RuleFlow("shop-training", "shop", "dev", "training", pipelines)
        return rule_file(flow, Alerts.parse({"failed": True}))

    assert text("shop-a", "shop-b") == text("shop-b", "shop-a")
