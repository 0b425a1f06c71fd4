"""What Airflow is given: golden files, imported by a real DagBag in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from atlas.recipe import Parameter
from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.protocol import NOWHERE, Origin
from tests.golden.plans import INFERENCE, TRAINING

if TYPE_CHECKING:
    from atlas.plan import Plan

PLAIN = replace(TRAINING, secrets={}, target="airflow")
READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(sys.argv[1])
dags = {name: DagSerialization.to_dict(dag)["dag"] for name, dag in bag.dags.items()}
print("\\n" + json.dumps({"errors": bag.import_errors, "dags": dags}))
"""


REPOSITORY = "https://git.example/team/models"
MLFLOW = "https://mlflow.example"


def compiled(plan: Plan) -> bytes:
    origin = Origin(owner="shop", repository=REPOSITORY) if plan.flow == "inference" else NOWHERE
    files = AirflowCompiler().compile(plan, {}, origin)
    assert [*files] == [f"{plan.name}-{plan.flow}.py"]
    return files[f"{plan.name}-{plan.flow}.py"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> dict:
    """Return what a real DagBag makes of both files, serialized."""
    pytest.importorskip("airflow")
    folder = tmp_path_factory.mktemp("dags")
    for plan in (PLAIN, INFERENCE):
        (folder / f"{plan.flow}.py").write_bytes(compiled(plan))
    home = tmp_path_factory.mktemp("airflow")
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "ATLAS_MLFLOW_PAGE": f"{MLFLOW}/",
    }
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)],
        env={**os.environ, **settings}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def tasks_of(loaded: dict, plan: Plan) -> dict:
    dag = loaded["dags"][f"{plan.name}-{plan.flow}"]
    return {task["__var"]["task_id"]: task["__var"] for task in dag["tasks"]}


@pytest.mark.parametrize("plan", [PLAIN, INFERENCE], ids=lambda plan: plan.flow)
def test_golden(plan, golden):
    content = compiled(plan)
    golden(f"{plan.name}-{plan.flow}.py", content)
    assert content.isascii()
    assert f'"plan:{plan.digest[:12]}"'.encode() in content


def test_airflow_imports_them_without_error(loaded):
    assert loaded["errors"] == {}
    assert {*loaded["dags"]} == {"dev-tumour-training", "dev-tumour-inference"}


def test_edges(loaded):
    tasks = tasks_of(loaded, PLAIN)
    edges = {(up, down) for up in tasks for down in tasks[up].get("downstream_task_ids", [])}
    expected = {(up, step.name) for step in PLAIN.steps for up in step.upstream()}
    added = {("load", "train.keys"), ("train.keys", "train"), ("report", "_finish")}
    assert edges == expected | added


def test_the_end_of_a_run_is_recorded_whatever_became_of_its_steps(loaded):
    finish = tasks_of(loaded, PLAIN)["_finish"]
    assert finish["is_teardown"] is True
    assert finish["on_failure_fail_dagrun"] is True
    assert finish["trigger_rule"] == "all_done_setup_success"


def test_schedule_is_an_interval_timetable_without_catchup(loaded):
    dag = loaded["dags"]["dev-tumour-inference"]
    assert dag["timetable"] == {
        "__type": "airflow.timetables.interval.CronDataIntervalTimetable",
        "__var": {"expression": "0 6 * * *", "timezone": "Europe/Berlin"},
    }
    assert dag["catchup"] is False
    assert dag["start_date"] == 1767222000.0  # 2026-01-01T00:00 in Berlin
    assert dag["is_paused_upon_creation"] is False


def test_the_plan_is_a_tag(loaded):
    assert f"plan:{INFERENCE.digest[:12]}" in loaded["dags"]["dev-tumour-inference"]["tags"]


def test_the_code_and_mlflow_are_linked(loaded):
    dag = loaded["dags"]["dev-tumour-inference"]
    assert dag["owner_links"] == {"shop": REPOSITORY}
    assert {task["owner"] for task in tasks_of(loaded, INFERENCE).values()} <= {"shop"}
    assert dag["doc_md"].startswith(
        f"MLflow: [experiment dev-tumour]({MLFLOW}/#/experiments), "
        f"[model dev-tumour]({MLFLOW}/#/models/dev-tumour)\n\n"
        f"Code: [git.example/team/models]({REPOSITORY})\n\n"
    )
    assert "owner_links" not in loaded["dags"]["dev-tumour-training"]


@pytest.mark.parametrize(
    ("variables", "linked"),
    [
        ({}, ""),
        ({"ATLAS_MLFLOW_URL": "http://a"}, "MLflow: [experiment p](http://a/#/experiments)\n\n"),
        (
            {"ATLAS_MLFLOW_URL": "http://a", "ATLAS_MLFLOW_PAGE": "http://b/"},
            "MLflow: [experiment p](http://b/#/experiments)\n\n",
        ),
    ],
    ids=["nowhere", "as steps know it", "as people know it"],
)
def test_the_address_of_mlflow_is_that_of_the_place_where_the_file_is_read(
    variables, linked, monkeypatch
):
    for name in ("ATLAS_MLFLOW_URL", "ATLAS_MLFLOW_PAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    text = compiled(INFERENCE).decode()
    known = {"os": os}
    exec(text[text.index("def pages(") : text.index("with DAG(")], known)
    assert known["pages"]("p") == linked


def test_parameters_are_params_with_bounds(loaded):
    params = {name: value for name, value in loaded["dags"]["dev-tumour-training"]["params"]}
    assert params["test_fraction"]["schema"]["__var"] == {
        "type": "number", "minimum": 0.05, "maximum": 0.5
    }  # fmt: skip
    assert params["test_fraction"]["default"] == 0.25
    assert params["criterion"]["schema"]["__var"]["enum"] == ["gini", "entropy"]
    assert params["verbose"]["default"] is False


def test_settings(loaded):
    tasks = tasks_of(loaded, PLAIN)
    load = tasks["load"]
    assert (load["retries"], load["retry_delay"], load["max_retry_delay"]) == (2, 1.5, 60.0)
    assert load["retry_exponential_backoff"] == 3.0
    assert load["execution_timeout"] == 1800.0
    assert tasks["evaluate"].get("retries", 0) == 0


def test_foreach_is_mapped_over_indexes(loaded):
    train = tasks_of(loaded, PLAIN)["train"]
    assert train["_is_mapped"] is True
    mapped = train["expand_input"]["value"]["__var"]["bash_command"]["__var"]
    assert mapped["task_id" if "task_id" in mapped else "arg"] is not None
    assert tasks_of(loaded, PLAIN)["evaluate"]["trigger_rule"] == "none_failed"


def test_a_schedule_needs_defaults():
    plan = replace(INFERENCE, parameters={"day": Parameter("string")})
    assert [problem.code for problem in AirflowCompiler().problems(plan)] == ["T202"]


def test_only_airflow_and_the_standard_library_are_imported():
    imported = {
        line.split()[1].partition(".")[0]
        for plan in (PLAIN, INFERENCE)
        for line in compiled(plan).decode().splitlines()
        if line.lstrip().startswith(("import ", "from "))
    }
    assert imported == {"airflow", "json", "os", "datetime", "zoneinfo"}


@pytest.mark.parametrize("plan", [PLAIN, INFERENCE], ids=lambda plan: plan.flow)
def test_the_file_is_formatted(plan):
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--line-length", "100", "-"]
    done = subprocess.run(command, input=compiled(plan), capture_output=True)
    assert (done.returncode, done.stdout.decode()) == (0, "")
