"""A monitor's DAG: golden files, imported by a real DagBag in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from atlas.plan import Schedule
from atlas.targets.airflow.kinds import KINDS, kind_of
from atlas.targets.airflow.monitor import monitor_file
from atlas.targets.monitors import Monitor
from atlas.targets.protocol import Origin
from tests.golden.test_airflow_dag import READ

FAMILY = Monitor(
    name="dev-tumour-monitor",
    content="5f" * 32,
    pipelines=["dev-tumour-apac", "dev-tumour-emea"],
    after=("inference", "training"),
    summary=["new_rows: 1,000", "drift: of all features, at most 1 % of false alarms"],
    origin=Origin("abc", owner="shop", repository="https://git.example/team/models"),
)
IMAGE = f"127.0.0.1:5000/atlas/tumour/monitor@sha256:{'0' * 64}"


def source(kind: str) -> str:
    monitor = replace(FAMILY, image="" if kind == "process" else IMAGE)
    return monitor_file(monitor, kind_of(kind), "cores" if kind == "docker" else "")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> dict:
    """Return what a real DagBag makes of a monitor with each kind of tasks, serialized."""
    pytest.importorskip("airflow")
    folder = tmp_path_factory.mktemp("dags")
    for kind in KINDS:
        text = source(kind).replace("dev-tumour-monitor", kind)
        (folder / f"{kind}.py").write_text(text)
    home = tmp_path_factory.mktemp("airflow")
    settings = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)],
        env={**os.environ, **settings}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_golden(kind, golden):
    golden(f"dev-tumour-monitor-{kind}.py", source(kind).encode("ascii"))


@pytest.mark.parametrize("kind", KINDS)
def test_airflow_runs_one_at_a_time_and_maps_over_the_pipelines(loaded, kind):
    assert loaded["errors"] == {}
    dag = loaded["dags"][kind]
    tasks = {task["__var"]["task_id"]: task["__var"] for task in dag["tasks"]}
    assert dag["max_active_runs"] == 1
    assert dag["catchup"] is False
    assert [name for name in tasks if tasks[name].get("_is_mapped")] == ["check", "retrain"]
    edges = {(up, down) for up in tasks for down in tasks[up].get("downstream_task_ids", [])}
    assert edges == {
        ("pipelines", "check"), ("check", "due"), ("due", "retrain"), ("check", "_end"),
        ("retrain", "_end"),
    }  # fmt: skip
    assert tasks["due"]["trigger_rule"] == "all_done"
    assert tasks["_end"]["trigger_rule"] == "none_failed"
    assert f"monitor:{FAMILY.content[:12]}" in dag["tags"]


def test_it_follows_any_run_of_any_pipeline(loaded):
    condition = loaded["dags"]["process"]["timetable"]["__var"]["asset_condition"]
    assert condition["__type"] == "asset_any"
    assert sorted(one["uri"] for one in condition["objects"]) == sorted(
        f"atlas://{name}/{flow}" for name in FAMILY.pipelines for flow in FAMILY.after
    )


def test_a_schedule_comes_before_the_runs_of_others():
    hourly = replace(FAMILY, schedule=Schedule("0 * * * *", "Europe/Berlin"))
    text = monitor_file(hourly, kind_of("process"))
    assert 'schedule=CronTriggerTimetable("0 * * * *", timezone="Europe/Berlin"),' in text
    assert "Asset(" not in text


def test_nothing_starts_a_monitor_without_either():
    assert "    schedule=None,\n" in monitor_file(replace(FAMILY, after=()), kind_of("process"))


def test_only_a_monitors_containers_are_told_where_training_is_started():
    """What starts training is in no list of a step's variables."""
    opens = ["ATLAS_AIRFLOW_URL", "ATLAS_AIRFLOW_CREDENTIALS", "ATLAS_KUBEFLOW_CREDENTIALS"]
    kind = kind_of("docker")
    for name in opens:
        assert name in source("docker")
        assert name not in f"{kind.functions}{kind.each}"
    assert "atlas-retraining" in source("kubernetes")
    assert "atlas-retraining" not in kind_of("kubernetes").functions
