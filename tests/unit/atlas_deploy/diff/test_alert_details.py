"""How groups of alert rules differ, as a preview shows it."""

from __future__ import annotations

from typing import Any

from atlas.alerts import RuleFlow, rule_file
from atlas.config_alerts import Alerts
from atlas_deploy.diff.alerts import alert_details
from atlas_deploy.diff.members import ADD, CHANGE, REMOVE, MemberChange
from atlas_deploy.diff.render import render


def group(*pipelines: str, **alerts: Any) -> bytes:
    names = pipelines or ("shop",)
    steps = frozenset({"evaluate"})
    daily = {"cron": "0 6 * * *"}
    flow = RuleFlow("shop-inference", "shop", "local", "inference", names, daily, steps)
    return rule_file(flow, Alerts.parse(alerts))


METRIC = {"metric": "evaluate.error", "above": 3}
NAME = "AtlasMetricOutOfBounds of evaluate.error (warning)"
FAILED, LATE = "AtlasPipelineFailed (warning)", "AtlasPipelineLate (warning)"


def test_a_new_group_shows_its_alerts_each_once() -> None:
    text = group(late="1h", failed=True, metrics=[METRIC])
    assert alert_details(b"", text) == (f"{LATE}, {FAILED}, {NAME}",)


def test_a_change_is_shown_alert_by_alert() -> None:
    before = group(late="1h", failed=True)
    after = group(late="2h", metrics=[METRIC])
    assert alert_details(before, after) == (f"{NAME} added", f"{FAILED} removed", f"{LATE} changes")


def test_another_member_changes_no_alert_of_the_others() -> None:
    found = alert_details(
        group("shop-a", "shop-b", failed=True), group("shop-a", "shop-c", failed=True)
    )
    assert found == ("which pipelines it is about",)


def test_a_group_that_goes_away_shows_none() -> None:
    assert alert_details(group(failed=True), b"") == ()


def test_the_lines_of_a_preview() -> None:
    def change(action: str, *details: str) -> MemberChange:
        return MemberChange("alerts", "shop-inference", action, "", "", details, "AlertRules")

    assert render([change(ADD, FAILED)]) == [f"+ shop-inference: alert rules: {FAILED}"]
    assert render([change(CHANGE, f"{LATE} changes")]) == [f"~ shop-inference: {LATE} changes"]
    assert render([change(REMOVE)]) == ["- shop-inference: alert rules"]
