"""Alerts on the real platform: from a Config to Alertmanager, by what runs really push."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.stack.deployed import SECONDS, Pipeline, call, patch_dag, pipeline, write_data

pytestmark = pytest.mark.stack
__all__ = ["pipeline"]

DAY = 86400
ROWS = {
    "metric": "atlas_rows",
    "where": {"step": "load", "output": "rows"},
    "below": 400,
    "flow": "training",
}


def active(pipeline: Pipeline) -> set[str]:
    """Return the names of the pipeline's alerts that Alertmanager has."""
    query = urllib.parse.urlencode({"filter": f'pipeline="{pipeline.name}"'})
    url = f"{pipeline.platform.url('alertmanager')}/api/v2/alerts?{query}"
    alerts = call(url, headers=pipeline.platform.opens("alertmanager"))
    return {alert["labels"]["alertname"] for alert in alerts}


def wait_for_alerts(pipeline: Pipeline, *names: str) -> None:
    """Wait until Alertmanager has these alerts of the pipeline, and no others."""
    end = time.monotonic() + SECONDS
    while (found := active(pipeline)) != {*names}:
        assert time.monotonic() < end, f"alerts: found {sorted(found)}, expected {sorted(names)}"
        time.sleep(0.5)


def groups(pipeline: Pipeline) -> list[str]:
    """Return the names of the pipeline's groups that Prometheus has loaded."""
    url = f"{pipeline.platform.url('prometheus')}/api/v1/rules"
    loaded = call(url, headers=pipeline.platform.opens("prometheus"))["data"]["groups"]
    return sorted(group["name"] for group in loaded if group["name"].startswith(pipeline.name))


def rule_file(pipeline: Pipeline, flow: str) -> Path:
    root = Path(urllib.parse.urlsplit(pipeline.platform.url("rules")).path)
    return root / f"{pipeline.name}.local+alerts@{pipeline.name}-{flow}.yml"


def firing(pipeline: Pipeline) -> list[dict[str, Any]]:
    (found,) = json.loads(pipeline.atlas("status", pipeline.folder.name, "--json").stdout).values()
    assert found["alerts"]["errors"] == {}
    return found["alerts"]["firing"]


def train(pipeline: Pipeline, code: int = 0) -> None:
    """Run the training for real: the data's version is the same, whatever is in them here."""
    words = ("run", pipeline.folder.name, "--flow", "training", "--no-cache")
    done = pipeline.atlas(*words, code=code)
    assert "metrics not pushed" not in done.stdout, done.stdout


def push_interval(pipeline: Pipeline, end: float) -> None:
    """Push what an earlier successful run has pushed: when its interval ended."""
    labels = {
        "job": "atlas",
        "environment": "local",
        "pipeline": pipeline.name,
        "flow": "inference",
    }
    path = "/".join(part for pair in labels.items() for part in pair)
    url = f"{pipeline.platform.url('pushgateway')}/metrics/{path}"
    body = f"# TYPE atlas_batch_interval_end_timestamp_seconds gauge\natlas_batch_interval_end_timestamp_seconds {end}\n"
    headers = pipeline.platform.opens("pushgateway")
    urllib.request.urlopen(
        urllib.request.Request(url, body.encode(), headers, method="PUT")
    ).close()


@pytest.mark.timeout(900)
def test_a_pipeline_is_late_until_a_scheduled_run_succeeds(pipeline):
    """It is paused, so that nothing runs; its last interval ended three days ago."""
    write_data(pipeline)
    pipeline.atlas("run", pipeline.folder.name, "--flow", "training")
    pipeline.deploy()
    patch_dag(pipeline, is_paused=True)
    push_interval(pipeline, (time.time() // DAY - 3) * DAY + 6 * 3600)
    daily = {"cron": "0 6 * * *", "timezone": "UTC", "start": "2026-01-01"}
    pipeline.edit("config.json", schedule={"inference": daily}, alerts={"late": "1h"})
    changes = {(change["resource"], change["action"]) for change in pipeline.deploy()}
    assert changes == {("AirflowDags", "change"), ("AlertRules", "add")}
    wait_for_alerts(pipeline, "AtlasPipelineLate")
    (alert,) = firing(pipeline)
    assert (alert["name"], alert["labels"]["severity"]) == ("AtlasPipelineLate", "warning")
    text = pipeline.atlas("status", pipeline.folder.name).stdout
    (line,) = [line for line in text.splitlines() if line.startswith("alert: ")]
    assert f"{pipeline.name} (inference) has no successful run for the interval that ended" in line
    assert f"({pipeline.dag} is paused)" in line

    pipeline.atlas("deploy", pipeline.folder.name, "--unpause")
    wait_for_alerts(pipeline)
    assert firing(pipeline) == []


@pytest.mark.timeout(900)
def test_alerts_fire_by_real_runs_and_vanish_with_the_pipeline(pipeline):
    alerts = {
        "failed": {"severity": "critical"},
        "metrics": [ROWS],
        "runbook": "https://wiki/tumour",
    }
    pipeline.edit("config.json", alerts=alerts)
    preview = pipeline.atlas("preview", pipeline.folder.name).stdout
    failed = "alert rules: AtlasPipelineFailed (critical)"
    assert f"+ {pipeline.name}-inference: {failed}\n" in preview
    bounds = "AtlasMetricOutOfBounds of atlas_rows (warning)"
    assert f"+ {pipeline.name}-training: {failed}, {bounds}" in preview
    assert groups(pipeline) == []
    pipeline.deploy()
    assert groups(pipeline) == [f"{pipeline.name}-inference", f"{pipeline.name}-training"]
    assert pipeline.deploy() == []

    data = pipeline.store / "data" / "tumours.parquet"
    data.unlink(missing_ok=True)
    train(pipeline, code=1)
    wait_for_alerts(pipeline, "AtlasPipelineFailed")
    text = pipeline.atlas("status", pipeline.folder.name).stdout
    assert "alert: AtlasPipelineFailed (critical) since " in text
    assert f"the last run of {pipeline.name} (training) failed; https://wiki/tumour" in text

    write_data(pipeline)
    whole = data.read_bytes()
    pd.read_parquet(data).head(300).to_parquet(data)
    train(pipeline)
    wait_for_alerts(pipeline, "AtlasMetricOutOfBounds")
    (alert,) = firing(pipeline)
    assert "atlas_rows of" in alert["annotations"]["summary"]
    assert " is 300; expected at least 400" in alert["annotations"]["summary"]

    data.write_bytes(whole)
    train(pipeline)
    wait_for_alerts(pipeline)

    check_drift(pipeline)

    data.unlink()
    train(pipeline, code=1)
    wait_for_alerts(pipeline, "AtlasPipelineFailed")
    pipeline.atlas("destroy", pipeline.folder.name)
    assert groups(pipeline) == []
    assert not rule_file(pipeline, "training").exists()
    wait_for_alerts(pipeline)


def check_drift(pipeline: Pipeline) -> None:
    """A rule file that was edited, and one that was deleted by hand: seen, and mended."""
    edited, deleted = rule_file(pipeline, "training"), rule_file(pipeline, "inference")
    good = edited.read_bytes()
    edited.write_bytes(good.replace(b"== 0", b"== 7"))
    deleted.unlink()
    drift = pipeline.status()["alerts"]["drift"]
    assert drift[f"{pipeline.name}-inference"] == "is gone"
    assert drift[f"{pipeline.name}-training"].startswith("was changed: ")
    assert {change["name"] for change in pipeline.deploy()} == {*drift}
    assert (edited.read_bytes(), deleted.exists()) == (good, True)
    assert pipeline.status()["alerts"]["drift"] == {}
    assert groups(pipeline) == [f"{pipeline.name}-inference", f"{pipeline.name}-training"]
