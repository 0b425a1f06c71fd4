"""`python -m atlas.retraining`, as a monitor's tasks call it: in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from atlas.kinds import content
from atlas.monitor.bundle import MonitoredConfig
from atlas.monitor.events import record_event
from atlas.retraining import retraining_of
from tests.projects import Project, project
from tests.retrained import cause, champion, pipeline, training_runs

__all__ = ["project"]
BETTER = {"all": {"quality": 0.9}}


class Tasks:
    """The tasks of a monitor of one pipeline, whose training runs in the task itself."""

    def __init__(self, project: Project) -> None:
        self.store = champion(project)
        looked_at = MonitoredConfig.of([pipeline(parameters=BETTER, new_rows=1000)])
        self.variables = {
            **os.environ,
            "ATLAS_STORE": self.store.url,
            "ATLAS_MONITORS": content.put(self.store.url, looked_at.to_bytes()),
            "ATLAS_MEMBER": "houses",
        }

    def run(self, task: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        given = {name: text for name, text in {**self.variables, **variables}.items() if text}
        done = subprocess.run(
            [sys.executable, "-m", "atlas.retraining", task],
            env=given, capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture
def tasks(project):
    return Tasks(project)


def last(done: subprocess.CompletedProcess[str]) -> object:
    """Return what Airflow takes of a task: the last line that it has printed."""
    return json.loads(done.stdout.splitlines()[-1])


def test_from_a_check_to_a_promoted_model_and_both_may_be_repeated(tasks):
    done = tasks.run("check")
    assert last(done) is None
    assert "houses: version local-1" in done.stderr
    assert (Path(tasks.store.url.removeprefix("file://")) / "monitor/houses/report.html").exists()
    assert tasks.run("retrain").stdout == ""

    event, _ = record_event(tasks.store, cause(tasks.store))
    assert last(tasks.run("check")) == "houses"
    assert "promoted" in tasks.run("retrain").stdout
    assert tasks.run("retrain").stdout == ""
    there = retraining_of(tasks.store, "houses", event.id)
    assert there is not None
    assert there.state == "promoted"
    assert training_runs(tasks.store) == [there.run]
    assert last(tasks.run("check")) is None


def test_two_at_once_train_once(tasks):
    """As two schedulers of one Airflow may start them."""
    record_event(tasks.store, cause(tasks.store))
    command = [sys.executable, "-m", "atlas.retraining", "retrain"]
    both = [
        subprocess.Popen(
            command, env=tasks.variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [one.communicate() for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert len(training_runs(tasks.store)) == 1
    assert "promoted" in f"{said[0][0]}{said[1][0]}"


def test_a_task_that_does_not_know_where_training_runs_says_so_and_fails(tasks):
    elsewhere = pipeline(parameters=BETTER)
    raw = json.loads(MonitoredConfig.of([elsewhere]).to_bytes())
    raw["pipelines"]["houses"]["targets"]["training"] = "airflow"
    text = json.dumps(raw).encode()
    record_event(tasks.store, cause(tasks.store))
    done = tasks.run("retrain", 1, ATLAS_MONITORS=content.put(tasks.store.url, text))
    assert "houses drift" in done.stdout
    assert "blocked" in done.stdout
    assert "expected ATLAS_AIRFLOW_URL in the environment of the monitor's tasks" in done.stdout


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ATLAS_MEMBER": ""}, "error: found no ATLAS_MEMBER; expected the environment of"),
        ({"ATLAS_MEMBER": "shop"}, "found 'shop', which isn't monitored; expected houses"),
        ({"ATLAS_MONITORS": "0" * 64}, "there is no such content; deploy again"),
    ],
    ids=["no member", "another member", "no content"],
)
def test_what_is_missing_is_one_line_and_no_traceback(tasks, variables, said):
    done = tasks.run("check", 1, **variables)
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
