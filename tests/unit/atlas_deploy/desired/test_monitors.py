"""The monitor of a deployment: which runs it follows, what it looks at, how it differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.errors import StoreError
from atlas.images import monitor_image
from atlas.images.records import Built, write_record
from atlas.monitor.bundle import MonitoredConfig
from atlas.store import open_store
from atlas_deploy.desired.deployment import Deployment, deployments
from atlas_deploy.desired.monitors import compiled_monitor
from atlas_deploy.diff.monitors import monitor_details
from atlas_deploy.platforms.services import Services
from tests.unit.atlas.shop import DROP, shop, write

C, E = "config.json", "environments/local.json"
RULE = {"new_rows": 10_000, "drift": {"features": "all"}}
AIRFLOW = {"kind": "airflow", "url": "http://a", "credentials": "airflow"}
FOLDER = {"kind": "folder", "url": "file:///d", "credentials": None}
PLATFORM = {
    "airflow": AIRFLOW,
    "dags": FOLDER,
    "kubeflow": {"kind": "kfp.local", "url": "file:///s/kubeflow"},
}


def deployed(folder: Path, *changes: tuple[str, str, Any], **targets: str) -> Deployment:
    usual = (E, "targets", {"training": "airflow", "inference": "airflow", **targets})
    rule = (C, "retraining", RULE)
    looked_at = (
        C,
        "statistics",
        {"features": {"from": "features.rows", "columns": ["size", "age"]}},
    )
    (found,) = deployments(write(folder, shop(rule, looked_at, usual, *changes)), "local")
    return found


def monitor(deployment: Deployment, **services: Any) -> tuple[str, str, MonitoredConfig]:
    """Return the name of a deployment's only monitor, its file, and what it looks at."""
    made = compiled_monitor(deployment, Services("local", {**PLATFORM, **services}))
    assert made is not None
    assert made.kind == "RetrainingMonitor"
    (name,) = made.members
    text, looked_at = made.contents
    return name, text.decode(), MonitoredConfig.from_bytes(looked_at)


def test_it_follows_the_runs_of_both_flows_where_they_are_on_the_same_target(tmp_path: Path):
    name, text, found = monitor(deployed(tmp_path))
    assert name == "shop-monitor"
    assert 'Asset("atlas://shop/inference")' in text
    assert 'Asset("atlas://shop/training")' in text
    assert "Timetable(" not in text
    assert found.pipelines["shop"].rule.new_rows == 10_000
    assert found.pipelines["shop"].targets["training"] == "airflow"


def test_a_family_has_one_monitor_and_names_have_the_prefix(tmp_path: Path):
    family = (C, "matrix", {"region": ["emea", "apac"]})
    name, text, found = monitor(deployed(tmp_path, family, (E, "prefix", "dev-")))
    assert name == "dev-shop-monitor"
    assert [*found.pipelines] == ["dev-shop-apac", "dev-shop-emea"]
    assert 'Asset("atlas://dev-shop-emea/inference")' in text


def test_its_own_schedule_comes_first(tmp_path: Path):
    hourly = {**RULE, "schedule": {"cron": "@hourly", "timezone": "Europe/Berlin"}}
    _, text, _ = monitor(deployed(tmp_path, (C, "retraining", hourly)))
    assert 'CronTriggerTimetable("0 * * * *", timezone="Europe/Berlin")' in text
    assert "Asset(" not in text


def test_inference_that_runs_elsewhere_lends_its_schedule(tmp_path: Path):
    daily = (C, "schedule", {"inference": {"cron": "0 6 * * *", "timezone": "UTC"}})
    _, text, _ = monitor(deployed(tmp_path, daily, inference="kubeflow"))
    assert 'CronTriggerTimetable("0 6 * * *", timezone="UTC")' in text


def test_a_kubeflow_without_a_server_is_trained_on_by_the_task_itself(tmp_path: Path):
    _, _, found = monitor(deployed(tmp_path, training="kubeflow"))
    assert found.pipelines["shop"].targets["training"] == "local"
    server = {"kind": "kfp", "url": "http://k", "credentials": None}
    _, _, found = monitor(deployed(tmp_path, training="kubeflow"), kubeflow=server)
    assert found.pipelines["shop"].targets["training"] == "kubeflow"


def test_there_is_none_without_a_rule_or_without_an_airflow(tmp_path: Path):
    deployment = deployed(tmp_path / "a")
    assert compiled_monitor(deployment, Services("local", {})) is None
    (plain,) = deployments(write(tmp_path / "b", shop((C, "retraining", DROP))), "local")
    assert compiled_monitor(plain, Services("local", PLATFORM)) is None


def test_a_change_is_shown_word_by_word(tmp_path: Path):
    def looked_at(folder: str, *changes: tuple[str, str, Any]) -> bytes:
        _, _, found = monitor(deployed(tmp_path / folder, *changes))
        return found.to_bytes()

    old = looked_at("a")
    new = looked_at("b", (C, "retraining", {"new_rows": 20_000, "cooldown": "7d"}))
    assert monitor_details(old, new) == (
        "new_rows: 10,000 → 20,000",
        "cooldown: 7d",
        "drift removed",
    )
    first = monitor_details(b"", old)
    assert first[:2] == ("of shop", "new_rows: 10,000")
    assert monitor_details(old, b"") == ()
    assert monitor_details(b"{", old) == first
    family = looked_at("c", (C, "matrix", {"region": ["emea", "apac"]}))
    assert monitor_details(old, family) == (
        "shop-apac is monitored",
        "shop-emea is monitored",
        "shop is no longer monitored",
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"format": 2, "pipelines": {}}',
        b'{"format": 1, "pipelines": {"a": {}}}',
        b'{"format": 1}',
    ],
)
def test_what_was_altered_is_refused(text):
    with pytest.raises(StoreError, match="expected what Atlas writes"):
        MonitoredConfig.from_bytes(text)


def test_tasks_in_containers_have_an_image_of_their_own(tmp_path: Path):
    """By its content until it is pushed, then by digest; a cluster doesn't do without."""
    deployment = deployed(tmp_path / "project")
    registry = {"kind": "registry", "url": "http://r:5", "workload_url": "http://r:5"}
    store = {"kind": "file", "url": (tmp_path / "store").as_uri()}
    docker = {
        **PLATFORM,
        "registry": registry,
        "store": store,
        "airflow": {**AIRFLOW, "tasks": "docker"},
    }
    services = Services("local", docker)
    image = monitor_image(deployment.pipelines[0])
    assert image is not None
    made = compiled_monitor(deployment, services)
    assert made is not None
    assert (made.unbuilt, made.needs_image) == (image.full, False)
    assert f'IMAGE = "$ATLAS_REGISTRY/{image.full}"'.encode() in made.contents[0]

    digest = f"sha256:{'1' * 64}"
    built = Built(repository=image.repository, tag=image.tag, digest=digest)
    write_record(open_store(services.store), built)
    made = compiled_monitor(deployment, services)
    assert made is not None
    assert made.unbuilt == ""
    assert f'IMAGE = "$ATLAS_REGISTRY/{image.repository}@{digest}"'.encode() in made.contents[0]

    pods = Services("local", {**docker, "airflow": {**AIRFLOW, "tasks": "kubernetes"}})
    made = compiled_monitor(deployment, pods)
    assert made is not None
    assert made.needs_image
