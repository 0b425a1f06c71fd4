"""Rules about an Environment: what it overrides, where its data and secrets are."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.validate import check
from tests.unit.atlas.shop import DROP, checked, shop, write

E = "environments/local.json"
CRON = {"cron": "0 5 * * *"}

WRONG = {
    "a schedule of a Config that there isn't": (
        [(E, "schedules", {"ship": {"training": CRON}})], ["E004 local.json schedules.ship"],
    ),
    "a schedule of a flow that there isn't": (
        [(E, "schedules", {"shop": {"training": CRON}}), ("config.json", "recipes", {"inference": "inference.json"}),
         ("config.json", "promotion", DROP), ("config.json", "retraining", DROP), ("config.json", "steps", DROP),
         ("config.json", "parameters", DROP)],
        ["E004 local.json schedules.shop.training"],
    ),
    "a schedule that is wrong": (
        [(E, "schedules", {"shop": {"inference": {"cron": "60 5 * * *"}}})],
        ["C006 local.json schedules.shop.inference.cron"],
    ),
    "resources of a Config that there isn't": (
        [(E, "resources", {"ship": {"train": {"cpu": 2}}})], ["E004 local.json resources.ship"],
    ),
    "resources of a step that there isn't": (
        [(E, "resources", {"shop": {"trian": {"cpu": 2}}})], ["E004 local.json resources.shop.trian"],
    ),
    "resources of a Recipe that is a step": (
        [(E, "resources", {"shop": {"features": {"cpu": 2}}})], ["E004 local.json resources.shop.features"],
    ),
    "a credential that is no secret": (
        [(E, "data.sales.credential", "tokn")], ["E003 local.json data.sales.credential"],
    ),
    "a store path that leads out": (
        [(E, "data.sales.uri", "store:../sales.csv")], ["E005 local.json data.sales.uri"],
    ),
    "a store path that is absolute": (
        [(E, "data.sales.uri", "store:/sales.csv")], ["E005 local.json data.sales.uri"],
    ),
    "a project path to nothing": (
        [(E, "data.sales.uri", "project:")], ["E005 local.json data.sales.uri"],
    ),
    "a secret that no step can have": (
        [(E, "secrets", DROP)],
        ["E003 local.json data.sales.credential", "E003 training.json steps.train.secrets[0]"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_environment_is_told_once(name: str, tmp_path: Path) -> None:
    changes, expected = WRONG[name]
    assert checked(write(tmp_path, shop(*changes))) == expected


RIGHT = {
    "another schedule": [(E, "schedules", {"shop": {"inference": CRON}})],
    "no schedule": [(E, "schedules", {"shop": {"inference": None}})],
    "other resources": [(E, "resources", {"shop": {"features.clean": {"memory": "2Gi"}, "train": {"gpu": 1}}})],
    "data of other pipelines": [(E, "data.more", {"uri": "s3://bucket/more"})],
    "dots in a name": [(E, "data.sales.uri", "store:data/sales..2026.csv")],
    "protected": [(E, "protected", True)],
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_told_nothing(name: str, tmp_path: Path) -> None:
    assert checked(write(tmp_path, shop(*RIGHT[name]))) == []


def test_a_config_of_the_project_that_isn_t_checked_is_known(tmp_path: Path) -> None:
    lone = {"version": 1, "name": "lone", "recipes": {"training": "nowhere.json"}}
    files = shop((E, "schedules", {"lone": {"training": CRON}}), **{"other/config.json": lone})
    assert checked(write(tmp_path, files), "config.json") == []


def test_an_environment_that_is_wrong_is_all_that_is_told(tmp_path: Path) -> None:
    assert checked(write(tmp_path, shop((E, "data", [])))) == ["S003 local.json data"]


@pytest.mark.parametrize(
    "name", ["production", "../local", "..", "", "a/b", "local\0", "x" * 300, "Lo cal"]
)
def test_an_environment_that_isn_t_there_is_all_that_is_told(name: str, tmp_path: Path) -> None:
    assert checked(write(tmp_path, shop()), environment=name) == ["E001 environments"]


def test_the_environments_that_there_are(tmp_path: Path) -> None:
    files = shop(**{"environments/production.json": {"version": 1}})
    report = check(write(tmp_path, files), "productoin")
    assert report.problems[0].expected == "local or production"
    assert report.problems[0].hint == "did you mean 'production'?"
    assert all(one.broken for one in report.checked), "there is no Plan without an Environment"
