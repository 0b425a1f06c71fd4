"""The rules of a monitor, evaluated by Prometheus' own promtool."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from atlas.alerts import RuleFlow
from tests.integration.atlas.alerts.test_promtool import DAY, HOUR, Evaluate, evaluate
from tests.integration.atlas.alerts.test_promtool import series as series_of

__all__ = ["evaluate"]

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool here; it comes with Prometheus"
)
TRIGGERED, ESTIMATE = "AtlasRetrainingTriggered", "AtlasModelEstimateLow"
SPENT, LATE = "AtlasFalseAlarmBudgetSpent", "AtlasMonitorLate"
FAILED, WAITING = "AtlasRetrainingFailed", "AtlasRetrainingWaiting"
BOUNDS = "AtlasMetricOutOfBounds"
FIRED = "atlas_monitor_trigger_fired"
CHECKED, SCORED = "atlas_monitor_check_timestamp_seconds", "atlas_batch_end_timestamp_seconds"
OPEN = "atlas_monitor_open_event_timestamp_seconds"
ASKED = {"retraining": True}


def monitor(*pipelines: str, **more: Any) -> RuleFlow:
    """Return the monitor of a Config; by default of the pipeline ``tumour``."""
    return RuleFlow("tumour-monitor", "tumour", "dev", "monitor", pipelines or ("tumour",), **more)


def series(name: str, values: str, pipeline: str = "tumour", **labels: str) -> dict[str, str]:
    return series_of(name, values, pipeline, **{"flow": "monitor", **labels})


def alert(text: str, **labels: str) -> dict[str, str]:
    return {"flow": "monitor", "@summary": text, **labels}


def fired(trigger: str, pipeline: str = "tumour") -> dict[str, str]:
    text = f"{trigger} of {pipeline} has fired, and its retraining isn't over"
    return alert(text, trigger=trigger, pipeline=pipeline)


def test_a_trigger_that_has_fired_until_its_retraining_is_over(evaluate: Evaluate):
    given = [
        series(FIRED, "0x9 1x19 0x20", trigger="drift"),
        series(FIRED, "1x60", trigger="new_rows"),
        series(FIRED, "1x60", "other", trigger="drift"),
        series(FIRED, "1x60", trigger="degradation", environment="prod"),
    ]
    by_time = {"5m": [], "15m": [fired("drift")], "35m": []}
    evaluate(monitor(), ASKED, given, {TRIGGERED: by_time, ESTIMATE: {"15m": []}})


def test_the_triggers_that_are_told_of_are_those_that_are_asked_for(evaluate: Evaluate):
    given = [series(FIRED, "1x60", trigger=name) for name in ("drift", "new_rows")]
    asked = {"retraining": {"triggers": ["new_rows"], "severity": "info"}}
    expected = {**fired("new_rows"), "severity": "info"}
    evaluate(monitor(), asked, given, {TRIGGERED: {"15m": [expected]}})
    evaluate(monitor(), {"retraining": {"triggers": []}}, given, {TRIGGERED: {"15m": []}})


def test_an_estimate_warns_by_a_name_of_its_own(evaluate: Evaluate):
    given = [series(FIRED, "0x9 1x19", trigger="estimate")]
    text = "the estimated metric of tumour is worse than it may be; no labels yet"
    evaluate(monitor(), ASKED, given, {
        ESTIMATE: {"5m": [], "15m": [alert(text, trigger="estimate")]}, TRIGGERED: {"15m": []},
    })  # fmt: skip


def test_a_risk_that_is_nearly_spent(evaluate: Evaluate):
    given = [
        series("atlas_monitor_risk_spent", "0.008x9 0.0095x20", trigger="drift"),
        series("atlas_monitor_risk_budget", "0.01x40", trigger="drift"),
        series("atlas_monitor_risk_spent", "0x40", trigger="degradation"),
        series("atlas_monitor_risk_budget", "0x40", trigger="degradation"),
    ]
    text = (
        "drift of tumour has spent 95% of its risk of a false alarm: it sees less and less; "
        "retrain, or expect more looks"
    )
    evaluate(monitor(), ASKED, given, {SPENT: {"5m": [], "15m": [alert(text, trigger="drift")]}})
    evaluate(monitor(), {"retraining": {"spent": 0.96}}, given, {SPENT: {"15m": []}})
    evaluate(monitor(), {"retraining": {"spent": 0.5}}, given, {
        SPENT: {"5m": [alert(text.replace("95%", "80%"), trigger="drift")]},
    })  # fmt: skip


UNSEEN = "no monitor has looked at the last batch of tumour"


def test_a_batch_that_nobody_looks_at_is_late(evaluate: Evaluate):
    """Scored at 01:00 and looked at five minutes later; scored again a day later, and not."""
    given = [
        series(SCORED, f"_x59 {HOUR}x{1439} {DAY + HOUR}x300", flow="inference"),
        series(CHECKED, f"_x64 {HOUR + 300}x3000"),
    ]
    by_time = {"1h3m": [], "20h": [], "25h50m": [], "26h5m": [alert(UNSEEN)]}
    evaluate(monitor(), ASKED, given, {LATE: by_time})
    asked = {"retraining": {"late": "3h"}}
    evaluate(monitor(), asked, given, {LATE: {"26h5m": [], "28h5m": [alert(UNSEEN)]}})


def test_a_monitor_that_has_never_looked_is_late_once_there_is_a_batch(evaluate: Evaluate):
    evaluate(monitor(), ASKED, [], {LATE: {"30h": []}})
    given = [series(SCORED, f"_x59 {HOUR}x3000", flow="inference")]
    evaluate(monitor(), ASKED, given, {LATE: {"1h50m": [], "2h5m": [alert(UNSEEN)]}})


def test_frequent_batches_aren_t_late_while_each_is_looked_at(evaluate: Evaluate):
    """A batch every ten minutes, looked at three minutes later."""
    scored = " ".join(f"{600 * n}x9" for n in range(60))
    checked = "_x2 " + " ".join(f"{600 * n + 180}x9" for n in range(60))
    given = [series(SCORED, scored, flow="inference"), series(CHECKED, checked)]
    evaluate(monitor(), {"retraining": {"late": "8m"}}, given, {
        LATE: {f"{minutes}m": [] for minutes in range(20, 560, 45)},
    })  # fmt: skip
    given[1] = series(CHECKED, checked[: checked.index(f"{600 * 30 + 180}x9")])
    evaluate(monitor(), {"retraining": {"late": "8m"}}, given, {
        LATE: {"290m": [], "325m": [alert(UNSEEN)], "500m": [alert(UNSEEN)]},
    })  # fmt: skip


def test_a_monitor_with_a_schedule_has_time_until_its_next_look(evaluate: Evaluate):
    rules = monitor(schedule={"cron": "0 0 * * *"})
    given = [series(SCORED, f"_x59 {HOUR}x4000", flow="inference"), series(CHECKED, "0x4000")]
    evaluate(rules, ASKED, given, {LATE: {"25h50m": [], "26h5m": [alert(UNSEEN)]}})


def test_a_retraining_that_failed_or_has_to_wait(evaluate: Evaluate):
    given = [
        series("atlas_monitor_retrainings", "0x9 1x9 0x9", state="failed"),
        series("atlas_monitor_retrainings", "5x40", state="promoted"),
        series(OPEN, f"_x9 600x{3 * 1440 + 60} _x60"),
    ]
    failed = alert("a retraining of tumour failed, and isn't tried again by itself", state="")
    waits = alert("nothing has come of an event of tumour yet: its retraining waits, or isn't done")
    evaluate(monitor(), ASKED, given, {
        FAILED: {"5m": [], "15m": [{k: v for k, v in failed.items() if k != "state"}], "25m": []},
        WAITING: {"71h": [], "72h9m": [], "72h15m": [waits], "73h30m": []},
    })  # fmt: skip


def test_any_metric_of_the_monitor_may_have_bounds(evaluate: Evaluate):
    distance = "atlas_monitor_distance"
    given = [
        series(distance, "0.5x9 1.5x20", table="features", column="age"),
        series(distance, "0.5x40", table="features", column="income"),
        series(CHECKED, "100x40"),
    ]
    rule = {"metric": distance, "above": 1, "where": {"table": "features"}}
    text = f"{distance} of tumour (monitor) is 1.5; expected at most 1"
    fires = alert(text, metric=distance, table="features", column="age")
    evaluate(monitor(), {"metrics": [rule]}, given, {BOUNDS: {"5m": [], "15m": [fires]}})


def test_a_family_is_told_member_by_member(evaluate: Evaluate):
    names = [f"tumour-r{number}" for number in range(600)]
    given = [
        series(FIRED, "1x20", "tumour-r7", trigger="drift"),
        series(FIRED, "1x20", "tumour-r600", trigger="drift"),
        series(SCORED, "100x200", "tumour-r9", flow="inference"),
        series(SCORED, "100x200", "tumour-r600", flow="inference"),
    ]
    late = alert(UNSEEN.replace("tumour", "tumour-r9"), pipeline="tumour-r9")
    evaluate(monitor(*names), ASKED, given, {
        TRIGGERED: {"5m": [fired("drift", "tumour-r7")]}, LATE: {"90m": [late]},
    })  # fmt: skip
