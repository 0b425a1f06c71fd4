"""An Airflow whose JSON is of another shape: a message each time, and never another exception.

Each of its answers is replaced as a whole, and then value by value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from atlas.errors import AtlasError, MalformedError
from atlas.http.service import Patience
from atlas.plan import Plan
from atlas.step.binding import remember_target
from atlas.store import Run
from atlas.targets.airflow.dag_runs import AirflowRunsApi
from atlas.targets.airflow.launcher import AirflowLauncher
from atlas.targets.launcher import LaunchedRun
from tests.projects import store
from tests.strange import STRANGE, VALUES, Script, mutations

__all__ = ["store"]

PLAN = Plan("p", "p", "p", "training", "r", "prod", "airflow", ())
RUN = Run("training-r1", "p", "training", "")
NAME = "p-training"
LAUNCHED = LaunchedRun(RUN.id, NAME, "http://x")
DAG_RUN = {"dag_id": NAME, "dag_run_id": RUN.id, "state": "failed", "run_type": "manual"}
TASK = {
    "dag_id": NAME, "dag_run_id": RUN.id, "task_id": "make", "map_index": 0, "try_number": 1,
    "state": "failed",
}  # fmt: skip
DETAIL = {"exc_type": "ValueError", "exc_value": "so"}
DAG = {
    "dag_id": NAME, "tags": [{"name": f"plan:{PLAN.digest}"}], "is_paused": False,
    "has_import_errors": False, "last_parsed_time": "2026-01-01T00:00:00Z",
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "auth/token": {"access_token": "t"},
    "/importErrors": {
        "import_errors": [{"filename": "a.py", "timestamp": "x", "stack_trace": "y"}],
        "total_entries": 1,
    },
    "/monitor/health": {
        "scheduler": {
            "status": "healthy", "latest_scheduler_heartbeat": "2026-01-01T00:00:00+00:00",
        },
    },
    "/logs/": {"content": [{"level": "error", "event": "x", "error_detail": [DETAIL]}]},
    "/taskInstances": {"task_instances": [TASK], "total_entries": 1},
    "/dagRuns/list": {"dag_runs": [DAG_RUN], "total_entries": 1},
    f"/dagRuns/{RUN.id}": DAG_RUN,
    "/dagRuns": {**DAG_RUN, "dag_runs": [DAG_RUN], "total_entries": 1},
    "/dags": {"dags": [DAG], "total_entries": 1},
}  # fmt: skip
"""What a right Airflow says, by a part of the path; the first that fits."""


OWN = Run(
    "training-20260101T000000Z", "p", "training", "",
    interval_start="2026-01-01T00:00:00+00:00", trigger="schedule", target="airflow",
)  # fmt: skip
"""A run that Airflow's schedule has started, as its first task binds it."""
OWN_ID = "scheduled__2026-01-01T00:00:00+00:00"

CALLS: dict[str, Callable[[AirflowLauncher], Any]] = {
    "prepare": lambda it: it.prepare(PLAN),
    "find": lambda it: it.find(PLAN, RUN),
    "find its own": lambda it: it.airflow.run_of_interval(NAME, OWN.interval_start),
    "submit": lambda it: it.submit(PLAN, RUN),
    "status": lambda it: it.status(LAUNCHED),
    "cancel": lambda it: it.cancel(LAUNCHED),
    "dags": lambda it: it.airflow.dags([NAME]),
    "import failures": lambda it: it.airflow.import_failures(),
    "has": lambda it: it.airflow.has(NAME),
    "active runs": lambda it: it.airflow.active_runs([NAME, "q"], ["q"]),
    "last run": lambda it: it.airflow.last_run(NAME),
    "last runs": lambda it: it.airflow.last_runs([NAME]),
    "forget": lambda it: it.airflow.forget(NAME),
    "unpause": lambda it: it.airflow.unpause([NAME]),
}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Script, str]]:
    monkeypatch.setattr("atlas.targets.airflow.api._PATIENCE", Patience(0.0, 0.0, 0.0, 0.0))
    made = Script(ANSWERS)
    with made.serving() as url:
        yield made, url


@pytest.fixture
def launcher(script, store, tmp_path) -> Callable[[], AirflowLauncher]:
    """Return what makes a launcher that isn't signed in yet."""
    (tmp_path / "airflow.json").write_text('{"username": "a", "password": "b"}')
    return lambda: AirflowLauncher(AirflowRunsApi(script[1], tmp_path.as_uri(), "airflow"), store)


def outcome(call: Callable[[AirflowLauncher], Any], launcher: AirflowLauncher) -> AtlasError | None:
    """Return the error that a call ends with, in one line; any other exception is a bug."""
    found = None
    try:
        call(launcher)
    except AtlasError as error:
        found = error
    assert found is None or (str(found).strip() and "\n" not in str(found))
    return found


@pytest.mark.parametrize("name", CALLS)
def test_a_right_airflow_is_understood(script, launcher, name):
    assert outcome(CALLS[name], launcher()) is None


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_an_answer_that_is_something_else(script, launcher, content):
    """Else it may be said as the service's refusal; by far the most are malformed."""
    found = []
    for call in CALLS.values():
        made = launcher()
        script[0].begin()
        call(made)
        for where in sorted(script[0].asked):
            script[0].wrong = (where, content)
            found.append(outcome(call, launcher()))
    told = [one for one in found if one is not None]
    assert len(told) > len(found) / 3
    if content not in (b"{}", STRANGE["broken off"]):
        assert any(isinstance(one, MalformedError) for one in told)


@pytest.mark.parametrize("value", VALUES)
def test_a_value_in_an_answer_that_is_something_else(script, launcher, value):
    for call in CALLS.values():
        script[0].begin()
        call(launcher())
        for where in sorted(script[0].asked):
            for changed in mutations(ANSWERS[where], value):
                script[0].wrong = (where, json.dumps(changed).encode())
                outcome(call, launcher())


def test_a_run_that_airflow_has_started_itself_is_found_by_its_own_id(script, launcher):
    """Of a schedule by its interval; of its page by Airflow's id, before which stands the flow."""
    scheduled = {**DAG_RUN, "dag_run_id": OWN_ID, "run_type": "scheduled"}
    manual = {**scheduled, "dag_run_id": "manual__1", "run_type": "manual"}
    runs = {"dag_runs": [manual, scheduled], "total_entries": 2}
    page = replace(OWN, id="training-manual__1")
    script[0].missing = (f"/dagRuns/{OWN.id}", f"/dagRuns/{page.id}")
    script[0].answers = {
        "auth/token": ANSWERS["auth/token"], "/dagRuns/": manual, "/dagRuns": runs,
    }  # fmt: skip
    found = launcher().find(PLAN, OWN)
    assert (found.id, found.is_new) == (OWN_ID, False)
    assert launcher().find(PLAN, page).id == "manual__1"
    one = launcher()
    remember_target(one.store, OWN, "airflow")
    assert one.find(PLAN, OWN) is None, "Atlas has started it, under its own name"
