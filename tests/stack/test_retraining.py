"""Retraining on the real Airflow and the real MLflow: one run, however many ask for it at once."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from atlas.targets.airflow.dag_runs import AirflowRunsApi
from tests.projects import Project
from tests.retrained import CONFIG, INFERENCE, PARAMETERS, SOURCE, TRAINING
from tests.stack.deployed import wait_for

pytestmark = pytest.mark.stack
RULE = {"parameters": {"manual": {"quality": 0.9}}, "in_flight": 10, "per_month": 100}
ASK = ("retrain", "retrained", "--wait", "--json")
AT_ONCE = 4


class Retrained:
    """A pipeline whose training is a DAG of the session's Airflow."""

    def __init__(self, platform: Any, root: Path) -> None:
        self.platform, self.project = platform, Project(root)
        self.project.environment(targets={"training": "airflow"})
        self.write(RULE)
        self.atlas("deploy", "retrained")
        self.atlas("train", "retrained")

    def write(self, rule: dict[str, Any], source: str = SOURCE) -> None:
        model = {**CONFIG["model"], "name": "retrained"}
        config = {**CONFIG, "model": model, "retraining": rule}
        self.project.pipeline(
            "retrained", source, TRAINING, INFERENCE, config, parameters=PARAMETERS
        )

    def atlas(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.platform.run(*words, cwd=self.project.root, code=code)

    def asked(self, *words: str) -> dict[str, Any]:
        (there,) = json.loads(self.atlas(*ASK, *words).stdout)
        return dict(there)

    @property
    def champion(self) -> str:
        (found,) = json.loads(self.atlas("champion", "retrained", "--json").stdout)
        return str(found["version"])

    def dag_runs(self, dag: str = "retrained-training") -> dict[str, str]:
        """Return the state of each run of a DAG."""
        services = self.platform.outputs["services"]
        there = services["airflow"]
        api = AirflowRunsApi(there["url"], services["secrets"]["url"], there["credentials"])
        _, answer = api._call("GET", f"dags/{dag}/dagRuns?limit=100", ())
        return {run["dag_run_id"]: run["state"] for run in answer["dag_runs"]}

    def is_destroyed(self) -> bool:
        """Destroy it; False while a run of its monitor is under way, which a destroy waits for."""
        words = self.platform.command("destroy", "retrained")
        done = subprocess.run(
            words, cwd=self.project.root, env=self.platform.environment,
            capture_output=True, text=True, timeout=280,
        )  # fmt: skip
        assert done.returncode == 0 or "runs are still under way" in done.stderr, done.stderr
        return done.returncode == 0


@pytest.fixture(scope="module")
def retrained(platform, tmp_path_factory):
    made = Retrained(platform, tmp_path_factory.mktemp("retrained"))
    yield made
    assert wait_for(made.is_destroyed, 280)


def test_one_event_that_many_processes_act_on_is_one_dag_run(retrained):
    before = retrained.champion
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [
            pool.submit(retrained.asked, "--reason", "a new law", "--key", "law")
            for _ in range(AT_ONCE)
        ]
        found = [one.result() for one in asked]
    assert {one["event"] for one in found} == {found[0]["event"]}
    there = retrained.asked("--event", found[0]["event"])
    assert there["state"] == "promoted", there
    run = f"training-retraining-{there['event']}"
    assert there["run"] == run
    assert [one for one in retrained.dag_runs() if "retraining" in one] == [run]
    assert retrained.champion == there["version"] != before


def test_a_newer_deployment_is_what_airflow_trains_and_it_says_so(retrained):
    retrained.write(RULE, f"{SOURCE}\n# newer\n")
    retrained.atlas("deploy", "retrained")
    there = retrained.asked("--reason", "again", "--key", "newer")
    assert there["state"] == "rejected", there
    assert "airflow has Plan" in there["why"]
    assert "the champion was made by Plan" in there["why"]


def test_a_version_waits_for_an_approval_and_is_promoted_in_mlflow_after_it(retrained):
    before = retrained.champion
    retrained.write({"parameters": {"manual": {"quality": 0.95}}, "approval": "promotion"})
    retrained.atlas("deploy", "retrained")
    there = retrained.asked("--reason", "better data", "--key", "approved")
    assert there["state"] == "registered", there
    assert retrained.champion == before
    printed = retrained.atlas("approve", "retrained", there["event"], "--json").stdout
    approved = json.loads(printed)
    assert (approved["state"], approved["version"]) == ("promoted", there["version"])
    assert retrained.champion == there["version"]
    assert json.loads(retrained.atlas(*ASK, "--event", there["event"]).stdout)[0] == approved
