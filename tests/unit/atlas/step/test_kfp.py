"""What Kubeflow gets of a step's outputs: what its pages show, or else where the output is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlas.plan import Plan, PlanStep
from atlas.step import kfp
from atlas.step.job import Job
from atlas.store import Run
from atlas.template import Html
from tests.projects import Project, project

__all__ = ["project"]

KINDS = {"page": "HTML", "notes": "Markdown", "metrics": "Metrics", "rows": "Dataset"}
METRICS = {"auc": 0.5, "n": 3, "sure": True, "much": 10**400, "name": "x"}


def given(
    project: Project, folder: Path, **values: Any
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return the files that Kubeflow is given, and the artifacts' metadata, by output."""
    plan = Plan("p", "p", "p", "training", "r", "local", "kubeflow", (PlanStep("s", "s:S"),))
    job = Job(project.store, plan, Run("r", "p", "training", plan.digest), plan.step("s"), folder)
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
