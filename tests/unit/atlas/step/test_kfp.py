"""What Kubeflow gets of a step's outputs: what its pages show, or else where the output is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import StoreError
from atlas.plan import InputSource, Output, Plan, PlanStep, output_names
from atlas.step import kfp
from atlas.step.job import Job
from atlas.store import Run
from atlas.template import Html
from tests.projects import Project, project

__all__ = ["project"]

KINDS = {"page": "HTML", "notes": "Markdown", "metrics": "Metrics", "rows": "Dataset"}
METRICS = {"auc": 0.5, "n": 3, "sure": True, "much": 10**400, "name": "x"}


RECORDED = Path(__file__).parents[3] / "recorded" / "executor-inputs.json"
DRIVERS = json.loads(RECORDED.read_text("utf-8"))["executor_inputs"]


def job_of(project: Project, folder: Path, *outputs: str) -> Job:
    """Return a job of a step with some outputs."""
    step = PlanStep("s", "s:S", outputs={name: Output() for name in outputs})
    plan = Plan("p", "p", "p", "training", "r", "local", "kubeflow", (step,))
    return Job(project.store, plan, Run("r", "p", "training", plan.digest), step, folder)


def given(
    project: Project, folder: Path, **values: Any
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return the files that Kubeflow is given, and the artifacts' metadata, by output."""
    job = job_of(project, folder, *values)
    for name, value in values.items():
        job.store.put(*job.address, name, value, format="markdown" if name == "notes" else "")
    artifacts = {
        name: {
            "artifacts": [
                {"uri": str(folder / name), "type": {"schemaTitle": f"system.{KINDS[name]}"}}
            ]
        }
        for name in values
    }
    outputs = {"artifacts": artifacts, "outputFile": str(folder / "output.json")}
    kfp.give_artifacts(json.dumps({"outputs": outputs}), job)
    made = json.loads((folder / "output.json").read_text())["artifacts"]
    return (
        {name: (folder / name).read_text("utf-8") for name in values},
        {name: made[name]["artifacts"][0]["metadata"] for name in values},
    )


def test_a_report_is_there_itself(project, tmp_path):
    files, metadata = given(project, tmp_path, page=Html("<p>ä"), notes="# hi", rows=[1])
    assert (files["page"], files["notes"]) == ("<p>ä", "# hi")
    assert metadata["page"]["atlas"]["format"] == "html"
    assert json.loads(files["rows"]) == metadata["rows"]["atlas"]


def test_metrics_are_numbers_by_name(project, tmp_path):
    files, metadata = given(project, tmp_path, metrics=METRICS)
    facts = metadata["metrics"].pop("atlas")
    assert json.loads(files["metrics"]) == facts
    assert metadata["metrics"] == {"auc": 0.5, "n": 3}


@pytest.mark.parametrize("value", [{f"w{one}": one for one in range(101)}, 0.5, {}])
def test_what_is_no_page_of_numbers_is_only_told_of(project, tmp_path, value):
    assert [*given(project, tmp_path, metrics=value)[1]["metrics"]] == ["atlas"]


def test_a_report_that_is_too_long_for_a_page_is_only_told_of(project, tmp_path, monkeypatch):
    monkeypatch.setattr(kfp, "_MOST_BYTES", 3)
    assert given(project, tmp_path, page=Html("<p>"))[0]["page"] == "<p>"
    files, metadata = given(project, tmp_path, page=Html("<p>!"))
    assert json.loads(files["page"]) == metadata["page"]["atlas"]


def test_a_page_with_half_a_character_is_shown_without(project, tmp_path):
    assert given(project, tmp_path, page=Html("a\ud800"))[0]["page"] == "a?"


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_executor_inputs_of_each_driver(project, tmp_path, monkeypatch, driver):
    """From 2.5 on there is an artifact that the step doesn't have: the launcher's own log of it."""
    monkeypatch.setattr(kfp, "_MOUNTS", {"minio": str(tmp_path / "minio")})
    text = DRIVERS[driver].replace('"/tmp/', f'"{tmp_path}/tmp/')
    text = text.replace('"/minio/', f'"{tmp_path}/minio/')
    outputs = json.loads(text)["outputs"]
    assert ("executor-logs" in outputs["artifacts"]) == (driver != "2.0.5")
    job = job_of(project, tmp_path, "model")
    job.store.put(*job.address, "model", {"weights": [1.5]})
    kfp.give_artifacts(text, job)
    given = json.loads(Path(outputs["outputFile"]).read_text("utf-8"))["artifacts"]
    assert [*given] == ["model"]
    (model,), (declared,) = given["model"]["artifacts"], outputs["artifacts"]["model"]["artifacts"]
    assert {key: model[key] for key in declared} == declared
    file = tmp_path / "minio" / declared["uri"].removeprefix("minio://")
    assert json.loads(file.read_text("utf-8")) == model["metadata"]["atlas"]
    assert not [*tmp_path.rglob("executor-logs*")]


def test_an_output_that_the_step_has_and_did_not_make_is_an_error(project, tmp_path):
    with pytest.raises(StoreError, match="rows"):
        kfp.give_artifacts(DRIVERS["2.17.0"].replace('"model"', '"rows"'),
                           job_of(project, tmp_path, "rows"))  # fmt: skip


def test_an_output_that_only_others_read_is_the_step_s(project, tmp_path):
    job = job_of(project, tmp_path)
    reader = PlanStep("t", "s:T", {"rows": InputSource("step", "s", "rows")})
    plan = replace(job.plan, steps=(job.step, reader))
    assert output_names(plan) == {"s": ("rows",), "t": ()}


@pytest.mark.parametrize(
    ("artifact", "path"),
    [
        ({"uri": "s3://b/k a/x%20y?z#q"}, "/s3/b/k a/x%20y?z#q"),
        ({"uri": "oci://host/a/b:1"}, "/oci/host_a_b:1/models"),
        ({"uri": "gs://b/k", "customPath": "/kfp/here"}, "/kfp/here"),
        ({"uri": "/tmp/x"}, "/tmp/x"),
        ({"uri": "hdfs://n/x"}, None),
    ],
)
def test_where_the_launcher_looks_for_an_artifact(artifact, path):
    assert kfp._local(artifact) == (path and Path(path))
