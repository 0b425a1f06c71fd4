"""The examples, trained on Kubeflow: run to their end, read back by Kubeflow's own interfaces."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.kubeflow.workplace import Workplace
from tests.projects import Project

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(1800)]
RECIPES = Path(__file__).parents[3] / "recipes"
DATA = {
    "tumours": {"uri": "store:data/tumours.parquet", "format": "parquet", "version": "1"},
    "patients": {"uri": "store:data/patients.parquet", "format": "parquet"},
    "scores": {"uri": "store:data/scores/", "format": "parquet"},
    "diabetes": {"uri": "store:data/diabetes.parquet", "format": "parquet", "version": "1"},
    "visit": {"uri": "store:data/visit.parquet", "format": "parquet"},
    "progression": {"uri": "store:data/progression/", "format": "parquet"},
    "digits": {"uri": "store:data/digits.parquet", "format": "parquet", "version": "1"},
    "envelopes": {"uri": "store:data/envelopes.parquet", "format": "parquet"},
    "read": {"uri": "store:data/read/", "format": "parquet"},
    "co2": {"uri": "store:data/co2.parquet", "format": "parquet"},
    "forecasts": {"uri": "store:data/forecasts/", "format": "parquet"},
    "departures": {
        "uri": "store:data/departures.csv.zip", "version": "content",
        "csv": {"dates": ["time_hour"], "types": {"tailnum": "string"}},
    },
    "weather": {"uri": "store:data/weather.csv", "csv": {"dates": ["time_hour"]}, "version": "content"},
    "planes": {"uri": "store:data/planes.csv", "version": "content"},
    "airlines": {"uri": "store:data/airlines.csv", "version": "content"},
    "today": {"uri": "store:data/today.jsonl"},
    "delays": {"uri": "store:data/delays/"},
    "companies": {"uri": "store:data/companies.csv", "version": "content"},
    "shuttles": {"uri": "store:data/shuttles.xlsx", "version": "content"},
    "reviews": {"uri": "store:data/reviews.csv", "version": "content"},
    "offers": {"uri": "store:data/offers.csv", "version": "content"},
    "shuttle-prices": {"uri": "store:data/shuttle-prices/"},
}  # fmt: skip


def example(cluster: Workplace, folder: Path, name: str) -> Project:
    """Return a project with an example, its data in the store."""
    project = Project(folder / "project")
    shutil.copytree(RECIPES / name, project.root / name)
    for recipe in (project.root / name).rglob("*.json"):
        recipe.write_text(cluster.with_images(recipe.read_text("utf-8")), "utf-8")
    cluster.environment(project, data=DATA)
    write = runpy.run_path(str(RECIPES / name / "make_data.py"))["write"]
    cluster.put(write)
    return project


def test_an_example_is_trained_and_read_back(cluster: Workplace, tmp_path: Path) -> None:
    project = example(cluster, tmp_path, "tumour")
    (summary,) = cluster.trained(project, "tumour")
    assert (summary["status"], summary["pipeline"]) == ("done", "tumour")
    there = cluster.run_of(summary["run"])
    assert there["state"] == "SUCCEEDED"
    assert there["runtime_config"]["parameters"]["test_fraction"] == 0.3
    metadata = cluster.metadata(there["run_id"])
    check_tasks(metadata)
    check_artifacts(cluster, metadata, summary)


def check_tasks(metadata: Any) -> None:
    """Hold what the metadata store has of the tasks to what the Recipe says."""
    tasks = {one["name"]: one for one in metadata["tasks"]}
    steps = {"load", "features.scale", "split", "train", "evaluate"}
    assert steps | {"atlas-finish"} <= {*tasks}
    assert {tasks[name]["state"] for name in steps} == {"COMPLETE"}
    made = {item: (name, output) for name in steps for output, item in tasks[name]["out"]}
    read = {(name, put): made[item] for name in steps for put, item in tasks[name]["in"]}
    assert read == {
        ("features.scale", "rows"): ("load", "rows"),
        ("split", "rows"): ("features.scale", "rows"),
        ("train", "rows"): ("split", "train"),
        ("evaluate", "rows"): ("split", "test"),
        ("evaluate", "model"): ("train", "model"),
    }


def check_artifacts(cluster: Workplace, metadata: Any, summary: Any) -> None:
    """Hold what it has of artifacts to what is in Atlas's store: the same files, the same metrics."""
    found = {one["facts"]["display_name"]: one for one in metadata["artifacts"].values()}
    assert found["model"]["type"] == "system.Model"
    known = found["model"]["facts"]["atlas"]
    assert known["uri"] == f"{cluster.url}/tumour/{summary['run']}/train/model/data.skops"
    recorded = cluster.store.get("tumour", summary["run"], "evaluate", "metrics")
    metrics = found["metrics"]
    assert metrics["type"] == "system.Metrics"
    shown = {name: metrics["facts"][name] for name in ("brier", "roc_auc", "accuracy")}
    assert shown == {name: pytest.approx(recorded[name], abs=1e-5) for name in shown}


@pytest.mark.parametrize("name", ["diabetes", "flights", "forecast", "spaceflights"])
def test_others_are_trained(cluster: Workplace, tmp_path: Path, name: str) -> None:
    project = example(cluster, tmp_path, name)
    interval = ["--interval", "1960-01-01..1980-01-01"] if name == "forecast" else []
    (summary,) = cluster.trained(project, name, *interval)
    assert summary["status"] == "done"
    assert cluster.run_of(summary["run"])["state"] == "SUCCEEDED"


def test_a_family_and_its_parent_are_trained(cluster: Workplace, tmp_path: Path) -> None:
    project = example(cluster, tmp_path, "digits")
    family = project.root / "digits" / "configs" / "digit.json"
    config = json.loads(family.read_text("utf-8"))
    config["matrix"]["digit"] = config["matrix"]["digit"][:2]  # Ten take 20 minutes.
    family.write_text(json.dumps(config), "utf-8")
    summaries = cluster.trained(project, "digits", "--jobs", "2")
    assert {one["status"] for one in summaries} == {"done"}
    names = {one["pipeline"] for one in summaries}
    assert names == {"digits", "digit-0", "digit-1"}
