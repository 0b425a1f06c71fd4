"""The rules of a deployment, and platforms that have no place for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from atlas.errors import DeployError
from atlas_deploy.desired.alerts import require_place, rule_files
from atlas_deploy.desired.deployment import Deployment, deployments
from atlas_deploy.platforms.services import Services
from tests.unit.atlas.shop import DROP, shop, write

C, E = "config.json", "environments/local.json"
ALERTS = {"late": "2h", "failed": True, "stale": "80h"}


def deployed(folder: Path, *changes: tuple[str, str, Any], **targets: str) -> Deployment:
    usual = (E, "targets", {"training": "local", "inference": "airflow", **targets})
    (found,) = deployments(write(folder, shop((C, "alerts", ALERTS), usual, *changes)), "local")
    return found


def test_a_group_for_each_flow_that_is_deployed(tmp_path: Path) -> None:
    assert [*rule_files(deployed(tmp_path))] == ["shop-inference"]
    assert [*rule_files(deployed(tmp_path, training="kubeflow"))] == [
        "shop-inference",
        "shop-training",
    ]
    assert rule_files(deployed(tmp_path, inference="local")) == {}


def test_names_have_the_prefix_and_a_family_is_one_group(tmp_path: Path) -> None:
    family = (C, "matrix", {"region": ["emea", "apac"]})
    files = rule_files(deployed(tmp_path, family, (E, "prefix", "dev-")))
    (group,) = yaml.safe_load(files["dev-shop-inference"])["groups"]
    text = files["dev-shop-inference"].decode()
    assert group["name"] == "dev-shop-inference"
    assert '"dev-shop-emea"' in text
    assert '"dev-shop-apac"' in text


def test_an_environment_without_alerts_has_no_rules(tmp_path: Path) -> None:
    assert rule_files(deployed(tmp_path, (E, "alerts", {"shop": None}))) == {}


def test_a_monitor_has_a_group_of_its_own(tmp_path: Path) -> None:
    changes = ((C, "retraining", {"new_labels": 9}), (C, "alerts", {"retraining": True}))
    family = (C, "matrix", {"region": ["emea", "apac"]})
    files = rule_files(deployed(tmp_path, *changes, family, (E, "prefix", "dev-")))
    assert [*files] == ["dev-shop-monitor"]
    text = files["dev-shop-monitor"].decode()
    assert "AtlasRetrainingTriggered" in text
    assert '"dev-shop-emea"' in text
    assert '"dev-shop-apac"' in text


def test_without_retraining_there_is_no_monitor_to_watch(tmp_path: Path) -> None:
    dropped = (C, "retraining", DROP)
    assert [*rule_files(deployed(tmp_path, dropped))] == ["shop-inference"]


FOLDER = {"kind": "folder", "url": "file:///r", "credentials": None}
PROMETHEUS = {"kind": "prometheus", "url": "http://p", "credentials": None}


@pytest.mark.parametrize(
    ("services", "found"),
    [
        ({}, "name no rules"),
        ({"rules": FOLDER}, "name rules of kind 'folder'"),
        (
            {"rules": {**FOLDER, "kind": "prometheusrule"}, "prometheus": PROMETHEUS},
            "kind 'prometheusrule'",
        ),
    ],
)
def test_a_platform_without_a_place_for_rules(
    services: dict[str, Any], found: str, tmp_path: Path
) -> None:
    with pytest.raises(
        DeployError, match=f"D020: shop.local: the Config has alerts.*{found}"
    ) as failure:
        require_place(deployed(tmp_path), Services("prod", services))
    assert '"alerts": {"shop": null}' in str(failure.value)


def test_a_platform_with_one(tmp_path: Path) -> None:
    require_place(deployed(tmp_path), Services("dev", {"rules": FOLDER, "prometheus": PROMETHEUS}))
