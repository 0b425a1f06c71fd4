"""The alerts of deployments that fire, as `atlas status` shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas_deploy.live.state import Resource
from atlas_deploy.operations.alerts import ActiveAlerts, active_alerts, render_alerts
from atlas_deploy.platforms.services import Services
from atlas_provider.prometheus import Alert, Prometheus, RuleGroup


def alert(
    name: str = "AtlasPipelineLate", state: str = "firing", since: str = "2026-11-30T06:00:00.5Z"
) -> Alert:
    labels = {"pipeline": "shop", "flow": "inference", "severity": "critical"}
    notes = {"summary": "shop (inference) has no run", "runbook_url": "https://x/y"}
    return Alert(name, state, labels, notes, since)


def test_a_line_each_with_what_to_do_and_who_is_paused() -> None:
    alerts = ActiveAlerts([alert()], {"AtlasMetricOutOfBounds": "many-to-many"})
    head = "alert: AtlasPipelineLate (critical) since 2026-11-30T06:00:00Z: shop (inference) has no run"
    errors = "alert rule AtlasMetricOutOfBounds can't be evaluated: many-to-many"
    assert render_alerts(alerts, ()) == [f"{head}; https://x/y", errors]
    assert (
        render_alerts(alerts, {"shop-inference"})[0]
        == f"{head} (shop-inference is paused); https://x/y"
    )


def resource(kind: str, owner: str, rules: Path) -> Resource:
    members = {f"{owner[0]}-inference": "0"}
    inputs = {"owner": owner, "members": members, "rules": rules.as_uri()}
    return Resource(f"atlas:index:{kind}", "alerts", owner, inputs, inputs)


def test_each_deployment_has_its_own_and_prometheus_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def groups(_: Any) -> list[RuleGroup]:
        asked.append(1)
        older = alert("AtlasPipelineFailed", since="2026-11-01T00:00:00Z")
        return [
            RuleGroup(
                "/elsewhere/a.dev+alerts@a-inference.yml", "a-inference", alerts=(alert(), older)
            ),
            RuleGroup("/x/b.dev+alerts@b-inference.yml", "b", alerts=(alert(state="pending"),)),
            RuleGroup("/x/mine.yml", "mine", alerts=(alert("Mine"),)),
        ]

    monkeypatch.setattr(Prometheus, "groups", groups)
    services = Services("local", {"prometheus": {"url": "http://p", "credentials": None}})
    found = active_alerts(
        {
            "a.dev": [resource("AlertRules", "a.dev/alerts", tmp_path)],
            "b.dev": [resource("AlertRules", "b.dev/alerts", tmp_path)],
            "c.dev": [resource("AirflowDags", "c.dev/inference", tmp_path)],
        },
        services,
    )
    assert [one.name for one in found["a.dev"].firing] == [
        "AtlasPipelineFailed",
        "AtlasPipelineLate",
    ]
    assert (found["b.dev"].firing, found["c.dev"].firing) == ([], [])
    assert asked == [1]


def test_without_rules_prometheus_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Prometheus, "groups", lambda _: pytest.fail("it was asked"))
    assert active_alerts({"a.dev": []}, Services("local", {})) == {"a.dev": ActiveAlerts([], {})}
