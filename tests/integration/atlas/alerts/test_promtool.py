"""The rules, evaluated by Prometheus' own promtool: what fires when, and what doesn't.

promtool's time begins with 1970, on a Thursday; intervals and pushes are in that time, too.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from atlas.alerts import RuleFlow, rule_file
from atlas.config_alerts import Alerts

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool here; it comes with Prometheus"
)

DAY, HOUR = 86400, 3600
DAILY = {"cron": "0 0 * * *"}
LATE, FAILED = "AtlasPipelineLate", "AtlasPipelineFailed"
BOUNDS, STALE = "AtlasMetricOutOfBounds", "AtlasMetricsStale"
ENDS, SUCCESS = "atlas_batch_interval_end_timestamp_seconds", "atlas_run_success"
PUSHED, DONE = "atlas_push_timestamp_seconds", "atlas_batch_end_timestamp_seconds"
METRIC = "atlas_model_metric"
Evaluate = Callable[..., None]


def flow(*pipelines: str, **more: Any) -> RuleFlow:
    """Return an inference flow; by default of the pipeline ``tumour``."""
    usual = {"steps": frozenset({"evaluate"}), "is_watched": True, "schedule": DAILY}
    names = pipelines or ("tumour",)
    return RuleFlow("tumour-inference", "tumour", "dev", "inference", names, **{**usual, **more})


def series(name: str, values: str, pipeline: str = "tumour", **labels: str) -> dict[str, str]:
    """Return a series as a test has it: a value a minute."""
    own = {"job": "atlas", "environment": "dev", "pipeline": pipeline, "flow": "inference"}
    inner = ",".join(f'{key}="{value}"' for key, value in {**own, **labels}.items())
    return {"series": f"{name}{{{inner}}}", "values": values}


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Evaluate rules over series; compare the alerts that fire at times with those expected."""

    def run(
        rules: RuleFlow,
        asked: Mapping[str, Any],
        given: Sequence[Mapping[str, str]],
        alerts: Mapping[str, Mapping[str, Sequence[Mapping[str, str]]]],
    ) -> None:
        (tmp_path / "rules.yml").write_bytes(rule_file(rules, Alerts.parse(asked)))
        checks = [
            {"eval_time": at, "alertname": name, "exp_alerts": [*map(expected, labels)]}
            for name, by_time in alerts.items()
            for at, labels in by_time.items()
        ]
        test = {
            "rule_files": ["rules.yml"], "evaluation_interval": "1m",
            "tests": [{"interval": "1m", "input_series": [*given], "alert_rule_test": checks}],
        }  # fmt: skip
        (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
        for words in (
            ["check", "rules", "--lint-fatal", "rules.yml"],
            ["test", "rules", "test.yml"],
        ):
            done = subprocess.run(
                ["promtool", *words], cwd=tmp_path, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr

    return run


def expected(labels: Mapping[str, str]) -> dict[str, Any]:
    """Return an alert that is expected: its labels; annotations as it has them."""
    own = {
        "severity": "warning", "config": "tumour", "environment": "dev", "pipeline": "tumour",
        "flow": "inference",
    }  # fmt: skip
    notes = {key[1:]: text for key, text in labels.items() if key[0] == "@"}
    plain = {key: text for key, text in labels.items() if key[0] != "@"}
    return {"exp_labels": {**own, **plain}, "exp_annotations": notes}


NO_RUN = {"@summary": "tumour (inference) has no successful run for the interval that ended last"}
NEVER = {
    "reason": "never",
    "@summary": "tumour (inference) has had no successful run of an interval since its rules were loaded",
}


def test_late_once_the_next_interval_should_be_there(evaluate: Evaluate):
    """The interval that ended on day 1 is there; the next is due on day 2, and comes at 03:00."""
    ends = series(ENDS, f"{DAY}x{2 * 1440 + 180} {2 * DAY}x600")
    evaluate(flow(), {"late": "2h"}, [ends], {
        LATE: {"1d": [], "49h59m": [], "50h1m": [NO_RUN], "51h": [NO_RUN], "51h2m": []},
    })  # fmt: skip


def test_a_new_deployment_is_not_late_before_its_first_interval_is_over(evaluate: Evaluate):
    evaluate(flow(), {"late": "2h"}, [], {LATE: {"1h": [], "25h59m": [], "26h1m": [NEVER]}})


def test_the_first_run_ends_what_was_late_from_the_start(evaluate: Evaluate):
    ends = series(ENDS, f"_x{27 * 60} {DAY}x120")
    evaluate(flow(), {"late": "2h"}, [ends], {LATE: {"26h30m": [NEVER], "27h2m": []}})


def test_what_has_gone_missing_is_late_after_an_interval(evaluate: Evaluate):
    """A Pushgateway that lost its data, or a run without an interval, takes the series away."""
    ends = series(ENDS, f"{DAY}x60 stale _x3000")
    evaluate(flow(), {"late": "2h"}, [ends], {LATE: {"26h": [], "27h5m": [NEVER]}})


def test_nothing_is_due_at_the_weekend(evaluate: Evaluate):
    """Day 1 is a Friday, day 4 the Monday; of Berlin's six o'clock."""
    monday_to_friday = {"cron": "0 6 * * 1-5", "timezone": "UTC"}
    friday, thursday = DAY + 6 * HOUR, 6 * HOUR
    ends = series(ENDS, f"{friday}x8000")
    rules = flow(schedule=monday_to_friday)
    evaluate(rules, {"late": "1h"}, [ends], {LATE: {"60h": [], "102h59m": [], "103h1m": [NO_RUN]}})
    ends = series(ENDS, f"{thursday}x8000")
    evaluate(rules, {"late": "1h"}, [ends], {LATE: {"30h59m": [], "31h1m": [NO_RUN]}})


def test_a_schedule_that_begins_later_makes_nothing_late_before(evaluate: Evaluate):
    rules = flow(schedule={**DAILY, "start": "1970-01-03"})
    evaluate(rules, {"late": "2h"}, [], {LATE: {"30h": [], "73h59m": [], "74h1m": [NEVER]}})
    ends = series(ENDS, "0x5000")
    evaluate(rules, {"late": "2h"}, [ends], {LATE: {"73h59m": [], "74h2m": [NO_RUN]}})


def test_a_family_is_late_member_by_member(evaluate: Evaluate):
    """One member is on time, one late, one has never run; a stranger with such a name is none."""
    given = [
        series(ENDS, f"{DAY}x1440 {2 * DAY}x3000", "tumour-emea"),
        series(ENDS, f"{DAY}x6000", "tumour-apac"),
        series(ENDS, f"{DAY}x6000", "tumour-elsewhere"),
    ]
    who = {
        "pipeline": "tumour-apac",
        "@summary": NO_RUN["@summary"].replace("tumour", "tumour-apac"),
    }
    new = {
        **NEVER,
        "pipeline": "tumour-amer",
        "@summary": NEVER["@summary"].replace("tumour", "tumour-amer"),
    }
    rules = flow("tumour-emea", "tumour-apac", "tumour-amer")
    evaluate(rules, {"late": "2h"}, given, {LATE: {"25h": [], "51h": [who, new]}})


def test_failed_until_a_run_succeeds(evaluate: Evaluate):
    given = [
        series(SUCCESS, "1x10 0x10 1x10"),
        series(SUCCESS, "0x30", "other"),
        series(SUCCESS, "0x30", environment="prod"),
    ]
    text = {"@summary": "the last run of tumour (inference) failed", "severity": "critical"}
    evaluate(flow(), {"failed": {"severity": "critical"}}, given, {
        FAILED: {"5m": [], "12m": [text], "25m": []},
    })  # fmt: skip


def test_a_pipeline_that_has_never_run_has_not_failed(evaluate: Evaluate):
    evaluate(flow(), {"failed": True}, [], {FAILED: {"10m": []}})


def test_stale_when_nothing_was_pushed_for_too_long(evaluate: Evaluate):
    text = {"@summary": "tumour (inference) has pushed no metrics for more than 26h"}
    pushed = series(PUSHED, f"{HOUR}x1700 {28 * HOUR + 1200}x60")
    evaluate(flow(), {"stale": "26h"}, [pushed], {
        STALE: {"26h59m": [], "27h1m": [text], "28h20m": [text], "28h25m": []},
    })  # fmt: skip


def test_stale_when_nothing_was_ever_pushed(evaluate: Evaluate):
    text = {
        "reason": "never",
        "@summary": "tumour (inference) has pushed no metrics for more than 26h",
    }
    evaluate(flow(), {"stale": "26h"}, [], {STALE: {"25h59m": [], "26h1m": [text]}})


def auc(value: str, bounds: str = "at least 0.9", **more: str) -> dict[str, str]:
    name = "evaluate.roc_auc"
    return {
        "metric": name,
        "@summary": f"{name} of tumour (inference) is {value}; expected {bounds}",
        **more,
    }


def test_a_metric_below_its_bound_for_some_time(evaluate: Evaluate):
    given = [
        series(METRIC, "0.95x9 0.85x19 0.95x9", metric="evaluate.roc_auc"),
        series(METRIC, "0.1x40", metric="evaluate.other"),
        series(METRIC, "0.1x40", metric="evaluate.roc_auc", slice="region=emea"),
    ]
    rule = {"metric": "evaluate.roc_auc", "below": 0.9, "for": "10m"}
    evaluate(flow(), {"metrics": [rule]}, given, {
        BOUNDS: {"9m": [], "19m": [], "21m": [auc("0.85")], "31m": []},
    })  # fmt: skip


def test_a_metric_above_its_bound_and_in_a_slice(evaluate: Evaluate):
    given = [
        series(METRIC, "2x20", metric="evaluate.roc_auc", slice="region=emea"),
        series(METRIC, "2x20", metric="evaluate.roc_auc"),
    ]
    rule = {
        "metric": "evaluate.roc_auc",
        "above": 1,
        "below": -1,
        "where": {"slice": "region=emea"},
    }
    fires = auc("2", "at least -1 and at most 1", slice="region=emea")
    evaluate(flow(), {"metrics": [rule]}, given, {BOUNDS: {"5m": [fires]}})


def test_a_metric_that_is_no_number_or_is_missing_after_a_run(evaluate: Evaluate):
    rule = {"metric": "evaluate.roc_auc", "below": 0.9}
    nan = series(METRIC, "NaN " * 20, metric="evaluate.roc_auc")
    evaluate(flow(), {"metrics": [rule]}, [nan], {BOUNDS: {"5m": [auc("NaN")]}})
    done = series(DONE, "_x5 100x20")
    evaluate(flow(), {"metrics": [rule]}, [done], {BOUNDS: {"4m": [], "10m": [auc("NaN")]}})
    evaluate(flow(), {"metrics": [{**rule, "missing": False}]}, [done], {BOUNDS: {"10m": []}})


def test_a_metric_of_atlas_by_its_labels(evaluate: Evaluate):
    """An output's rows: one of two outputs has too few."""
    given = [
        series("atlas_rows", "5x20", step="load", output="rows"),
        series("atlas_rows", "50x20", step="load", output="others"),
        series(DONE, "100x20"),
    ]
    rule = {"metric": "atlas_rows", "below": 10}
    fires = {
        "metric": "atlas_rows", "step": "load", "output": "rows",
        "@summary": "atlas_rows of tumour (inference) is 5; expected at least 10",
    }  # fmt: skip
    evaluate(flow(), {"metrics": [rule]}, given, {BOUNDS: {"5m": [fires]}})


HOSTILE = "evaluate.a\"b\\c{{ X }}$1`'\u00e9\u0001"


def test_hostile_texts_stay_texts(evaluate: Evaluate):
    """Quotes, backslashes, templates, control characters: in names, labels, annotations, links."""
    given = [series(DONE, "100x20")]
    notes = {"note": "{{ template }} }} {{`", "runbook": "r"}
    asked = {
        "metrics": [{"metric": HOSTILE, "below": 1}], "runbook": "https://x/{{y}}?a=\"b",
        "labels": {"team": "{{ $labels.x }}\"\n\\ $1"}, "annotations": notes,
    }  # fmt: skip
    fires = {
        "metric": HOSTILE, "team": asked["labels"]["team"], "@note": notes["note"], "@runbook": "r",
        "@runbook_url": asked["runbook"],
        "@summary": f"{HOSTILE} of tumour (inference) is NaN; expected at least 1",
    }  # fmt: skip
    evaluate(flow(), asked, given, {BOUNDS: {"5m": [fires]}})


def test_a_family_of_thousands_is_a_handful_of_rules(evaluate: Evaluate):
    names = [f"tumour-r{number}" for number in range(1200)]
    rules = flow(*names)
    asked = {
        "late": "2h",
        "failed": True,
        "stale": "26h",
        "metrics": [{"metric": "evaluate.x", "below": 1}],
    }
    given = [series(SUCCESS, "0x20", "tumour-r1199"), series(SUCCESS, "0x20", "tumour-r12000")]
    text = {
        "pipeline": "tumour-r1199",
        "@summary": "the last run of tumour-r1199 (inference) failed",
    }
    evaluate(rules, asked, given, {FAILED: {"5m": [text]}})
    content = yaml.safe_load(rule_file(rules, Alerts.parse(asked)))
    assert len(content["groups"][0]["rules"]) == 1 + 3 + 6
