"""Scoring on the real Airflow with MLflow's versions: back-fill, columns, shadow and canary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest

from atlas.launch import LaunchSettings
from atlas.launch.opening import open_launch
from atlas.load import load_environment
from atlas.runner.process_environment import process_environment
from atlas.step.versions import registry
from atlas.store import Store, open_store
from atlas.targets.airflow.api import AirflowApi
from atlas.targets.airflow.dag_runs import AirflowRunsApi
from atlas.targets.airflow.launcher import AirflowLauncher
from atlas.targets.launcher import DONE
from atlas.tracking.registry import CHALLENGER, CHAMPION
from tests.scoring import ENDING_STEPS, KILLED, LOST, Project, config, training
from tests.stack.deployed import wait_for

pytestmark = pytest.mark.stack

NAME = "scored"
DAG = f"{NAME}-inference"
COLUMNS = {"version": "model_version", "run": "run_id", "start": "since", "end": "until"}
BERLIN = {"inference": {"cron": "0 6 * * *", "timezone": "Europe/Berlin", "start": "2026-01-01"}}
RANGE = ("--from", "2026-03-28", "--to", "2026-03-30")
IDS = ["inference-20260328T050000Z", "inference-20260329T040000Z"]


class Scored:
    """A pipeline with two versions in MLflow, deployed to the session's Airflow."""

    def __init__(self, platform: Any, folder: Path) -> None:
        self.platform, self.folder = platform, folder
        self.project = Project(folder, **self.settings({"shadow": True}))
        (folder / "steps.py").write_text(ENDING_STEPS)
        environment = {
            "version": 1,
            "targets": {"training": "local", "inference": "airflow"},
            "data": {"scores": {"uri": f"store:{NAME}/"}},
        }
        self.project.write("environments/local.json", environment)
        self.versions = [self.train(2.0, 1.0), self.train(3.0, 10.0)]

    @staticmethod
    def settings(way: dict[str, Any]) -> dict[str, Any]:
        model = {"name": NAME, **way}
        return {"name": NAME, "model": model, "predictions": COLUMNS, "schedule": BERLIN}

    def change(self, way: dict[str, Any]) -> None:
        self.project.write("config.json", config(**self.settings(way)))

    def atlas(self, *words: str, code: int = 0) -> str:
        return str(self.platform.run(*words, cwd=self.folder, code=code).stdout)

    def train(self, weight: float, by: float) -> str:
        self.project.write("training.json", training(weight, by))
        printed = self.atlas("run", "--flow", "training", "--json")
        return str(json.loads(printed.splitlines()[-1])["version"])

    def aliases(self, champion: str, challenger: str) -> None:
        """Move MLflow's aliases, as somebody with the rights may."""
        pipeline = self.project.pipeline()
        known = load_environment(pipeline.project, "local")
        with process_environment(pipeline.project, known) as process:
            models = registry(process.store)
            models.set_alias(NAME, CHAMPION, champion)
            models.set_alias(NAME, CHALLENGER, challenger)

    @property
    def store(self) -> Store:
        return open_store(self.platform.url("store"))

    def table(self, run: str, step: str = "score") -> pd.DataFrame:
        table: pd.DataFrame = self.store.get(NAME, run, step, "scores")
        return table

    @property
    def airflow(self) -> AirflowApi:
        services = self.platform.outputs["services"]
        airflow = services["airflow"]
        return AirflowApi(airflow["url"], services["secrets"]["url"], airflow["credentials"])

    def tasks(self, run: str) -> dict[str, str]:
        path = f"dags/{DAG}/dagRuns/{quote(run)}/taskInstances"
        _, answer = self.airflow._call("GET", path)
        return {one["task_id"]: one["state"] for one in answer["task_instances"]}

    def warnings(self, run: str) -> list[str]:
        """Return what the end of a run says, which has to be done."""
        outcome = self.store.run_outcome(NAME, run)
        assert outcome is not None
        assert (outcome["status"], outcome["missing"]) == ("done", [])
        return list(outcome["warnings"])

    def state(self, run: str) -> str:
        return str(self.airflow._call("GET", f"dags/{DAG}/dagRuns/{quote(run)}")[1]["state"])

    def runs(self) -> dict[str, str]:
        """Return the state of the last run of each type."""
        _, answer = self.airflow._call("GET", f"dags/{DAG}/dagRuns")
        return {one["run_type"]: one["state"] for one in answer["dag_runs"]}

    def asset_events(self) -> int:
        _, answer = self.airflow._call("GET", f"assets/events?source_dag_id={DAG}")
        return int(answer["total_entries"])


@pytest.fixture(scope="module")
def scored(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATLAS_STATE", str(platform.state))
        made = Scored(platform, tmp_path_factory.mktemp("scored"))
        made.aliases(*made.versions)
        made.atlas("deploy")
        wait_for(lambda: made.runs().get("scheduled") == "success")
        yield made
        made.atlas("destroy")


def test_a_back_fill_on_airflow_scores_each_interval_and_announces_nothing(scored: Scored) -> None:
    first, second = scored.versions
    events = scored.asset_events()
    planned = json.loads(scored.atlas("backfill", *RANGE, "--dry-run", "--json"))
    assert [(run["run"], run["action"], run["version"]) for run in planned] == [
        (run, "run", first) for run in IDS
    ]
    scored.atlas("backfill", *RANGE)
    for run in IDS:
        assert scored.state(run) == "success"
        tasks = scored.tasks(run)
        assert tasks.pop("_finish") == "skipped"
        assert set(tasks.values()) == {"success"}
        champions, challengers = scored.table(run), scored.table(run, "challenger.score")
        assert list(champions["price"]) == [2.0 * n for n in range(40)]
        assert list(challengers["price"]) == [30.0 * n for n in range(40)]
        assert set(champions["model_version"]) == {first}
        assert set(challengers["model_version"]) == {second}
        assert set(champions["run_id"]) == {run}
        bound = scored.store.run(NAME, run)
        assert (bound.trigger, bound.target) == ("backfill", "airflow")
        assert set(champions["since"]) == {pd.Timestamp(bound.interval_start)}
    assert scored.asset_events() == events
    again = json.loads(scored.atlas("backfill", *RANGE, "--dry-run", "--json"))
    assert [run["action"] for run in again] == ["skip", "skip"]


def test_a_run_that_airflows_schedule_started_is_recognised(scored: Scored) -> None:
    """It isn't refused as one without a target, and nothing of it is started a second time."""
    (run,) = (run for run in scored.store.runs(NAME) if run not in IDS and run.startswith("infer"))
    bound = scored.store.run(NAME, run)
    assert bound.trigger == "schedule"
    plan = scored.store.plan(bound.plan)
    services = scored.platform.outputs["services"]
    api = AirflowRunsApi(
        services["airflow"]["url"], services["secrets"]["url"], services["airflow"]["credentials"]
    )
    launcher = AirflowLauncher(api, scored.store, deployed=True)
    launched = launcher.find(plan, bound)
    assert launched is not None
    assert launched.id.startswith("scheduled__")
    assert launcher.status(launched).state == DONE
    settings = LaunchSettings(
        run=run, interval_start=bound.interval_start, interval_end=bound.interval_end
    )
    opened = open_launch(scored.store, plan, scored.folder, launcher, settings)
    assert (opened.run.id, opened.is_over) == (run, True)
    assert run in scored.atlas("runs", "--where", "target=airflow", "--json")


def test_the_same_back_fill_here_gives_the_same_predictions(scored: Scored) -> None:
    scored.atlas("backfill", *RANGE, "--target", "local", "--reprocess", "completed")
    for run in IDS:
        for step in ("score", "challenger.score"):
            here, there = (
                scored.table(one, step).drop(columns="run_id") for one in (f"{run}-2", run)
            )
            pd.testing.assert_frame_equal(here, there)


def test_a_run_of_the_present_announces_its_results(scored: Scored) -> None:
    before = scored.asset_events()
    _, answer = scored.airflow._call(
        "POST", f"dags/{DAG}/dagRuns", body={"logical_date": None, "conf": {}}
    )
    run = str(answer["dag_run_id"])
    wait_for(lambda: scored.state(run) == "success")
    assert scored.tasks(run)["_finish"] == "success"
    wait_for(lambda: scored.asset_events() == before + 1)


def test_a_canary_on_airflow_and_a_challenger_that_is_gone(scored: Scored) -> None:
    first, second = scored.versions
    scored.change({"canary": {"share": 0.5, "key": "house"}})
    scored.atlas("deploy")
    scored.atlas("backfill", *RANGE, "--reprocess", "completed")
    table = scored.table(f"{IDS[0]}-3")
    counts = table.groupby("model_version").size()
    assert set(counts.index) == {first, second}
    factors = table["model_version"].map({first: 2.0, second: 30.0})
    assert (table["price"] == table["house"] * factors).all()
    scored.aliases(first, first)
    scored.atlas("backfill", *RANGE, "--reprocess", "completed")
    assert set(scored.table(f"{IDS[0]}-4")["model_version"]) == {first}
    idle = [f"model {NAME}: the challenger is version {first} as well"]
    assert scored.warnings(f"{IDS[0]}-4") == idle


FAILED = "the challenger, version {}, has failed in challenger.score: "


@pytest.mark.parametrize(
    ("way", "weight", "state", "reason"),
    [
        ({"canary": 0.5}, KILLED, "success", "its process was killed by signal 9"),
        # Who follows the run, or its last task: the one that comes first records it in its words.
        pytest.param({"shadow": True}, LOST, "failed", "", marks=pytest.mark.long),
    ],
    ids=["canary", "shadow"],
)
def test_a_challenger_that_is_killed_on_airflow_fails_no_run(
    scored: Scored, way: dict[str, Any], weight: float, state: str, reason: str
) -> None:
    first, killer = scored.versions[0], scored.train(weight, 1.0)
    scored.aliases(first, killer)
    scored.change(way)
    scored.atlas("deploy")
    before = set(scored.store.runs(NAME))
    scored.atlas("backfill", *RANGE, "--reprocess", "completed")
    runs = {run for run in scored.store.runs(NAME) if run.startswith(IDS[0])} - before
    assert len(runs) == 1
    (run,) = runs
    tasks = scored.tasks(run)
    assert tasks.pop("challenger.score") == state
    assert tasks.pop("_finish") == "skipped"
    assert set(tasks.values()) == {"success"}
    assert scored.state(run) == "success"
    (warning,) = scored.warnings(run)
    assert warning.startswith(FAILED.format(killer) + reason)
    assert set(scored.table(run)["model_version"]) == {first}
