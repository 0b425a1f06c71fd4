"""Runs as OpenLineage events, taken by a real HTTP server and checked with the client's own classes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from atlas.errors import PlatformError
from atlas.runner import RunSettings
from atlas.step import lineage_events
from atlas.step.lineage_events import send_waiting_lineage
from atlas.tracking.openlineage.outbox import LineageOutbox
from tests.lineage import Taker, serving
from tests.openlineage_events import check_events
from tests.projects import environment
from tests.servers import free_port

SECRET = "hunter2-is-the-word"
STEPS = """
import os
import pandas as pd
from atlas import Data

class Rows(NamedTuple):
    rows: pd.DataFrame

class Count(NamedTuple):
    count: dict[str, Any]

class Load(Template):
    def run(self, source: Data) -> Rows:
        return Rows(source.read())

class Sum(Template):
    broken: bool = False
    def run(self, rows: pd.DataFrame) -> Count:
        if self.broken and "MENDED" not in os.environ:
            raise ValueError("the word is " + os.environ["THE_WORD"])
        return Count({"rows": len(rows)})

class Deliver(Template):
    def run(self, rows: pd.DataFrame, target: Data) -> None:
        target.write(rows)
"""


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch):
    """Importing the client may take long where others load the machine."""
    monkeypatch.setattr("atlas.step.lineage_events._BUDGET_SECONDS", 60.0)


@pytest.fixture
def taker(monkeypatch, project):
    with serving(Taker()) as taker:
        monkeypatch.setenv("ATLAS_OPENLINEAGE_URL", taker.url)
        yield taker


def shop(project, **params: Any) -> None:
    """Write a pipeline that reads a file, makes a table and a number, and writes a file."""
    project.write("in.csv", "a,b\n1,x\n2,y\n")
    uris = {"source": "project:in.csv", "target": "project:out.parquet"}
    secrets = {"word": {"variable": "THE_WORD"}}
    project.environment(data={name: {"uri": uri} for name, uri in uris.items()}, secrets=secrets)
    steps = {
        "load": {
            "class": "steps:Load",
            "description": "Read the shop's rows.",
            "inputs": {"source": "data.source"},
        },
        "sum": {
            "class": "steps:Sum",
            "inputs": {"rows": "load.rows"},
            "params": params,
            "secrets": ["word"],
        },
        "deliver": {
            "class": "steps:Deliver",
            "inputs": {"rows": "load.rows", "target": "data.target"},
        },
    }
    config = {"data": {name: {"type": "table"} for name in uris}}
    project.pipeline("shop", STEPS, steps, config=config, description="What the shop sold.")


def committed(project) -> str:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(project.root)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_run_is_told_with_its_steps_data_and_code(project, taker, monkeypatch):
    monkeypatch.setenv("THE_WORD", SECRET)
    shop(project)
    commit = committed(project)
    settings = RunSettings(interval_start="2026-01-01", interval_end="2026-01-02", use_cache=False)
    ran = project.run(settings=settings)
    assert ran.ok
    assert not ran.first.finished.warnings
    check_events(taker.events)
    assert taker.paths == {"/api/v1/lineage"}
    assert len(taker.events) == 8
    assert taker.states(".training") == ["START", "COMPLETE"]
    for step in ("load", "sum", "deliver"):
        assert taker.states(f".training.{step}") == ["START", "COMPLETE"]
    times = [datetime.fromisoformat(event["eventTime"]) for event in taker.events]
    assert times == sorted(times)
    first, last = taker.events[0], taker.events[-1]
    run = first["run"]["runId"]
    assert UUID(run).version == 5
    assert last["run"]["runId"] == run
    assert first["job"] | {"facets": {}} == {
        "namespace": "atlas.local", "name": "shop.training", "facets": {},
    }  # fmt: skip
    assert first["job"]["facets"]["documentation"]["description"] == "What the shop sold."
    assert first["job"]["facets"]["sourceCodeLocation"]["version"] == commit
    nominal = first["run"]["facets"]["nominalTime"]
    assert nominal["nominalStartTime"] == "2026-01-01T00:00:00+00:00"
    assert nominal["nominalEndTime"] == "2026-01-02T00:00:00+00:00"
    steps = {event["job"]["name"]: event for event in taker.events if event["eventType"] != "START"}
    load, deliver = steps["shop.training.load"], steps["shop.training.deliver"]
    assert load["job"]["facets"]["documentation"]["description"] == "Read the shop's rows."
    assert load["run"]["facets"]["parent"]["run"]["runId"] == run
    assert load["run"]["facets"]["parent"]["job"]["name"] == "shop.training"
    (source,) = load["inputs"]
    assert (source["namespace"], source["name"]) == ("file", str(project.root / "in.csv"))
    (rows,) = load["outputs"]
    assert rows["name"] == f"{project.state}/store/shop/load/rows"
    assert [field["name"] for field in rows["facets"]["schema"]["fields"]] == ["a", "b"]
    assert rows["facets"]["version"]["datasetVersion"] == ran.outcome("load").outputs["rows"]
    assert f"/shop/{ran.id}/load/rows" in rows["facets"]["dataSource"]["uri"]
    assert rows["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert (rows["namespace"], rows["name"]) in [
        (one["namespace"], one["name"]) for one in deliver["inputs"]
    ]
    assert [one["name"] for one in deliver["outputs"]] == [str(project.root / "out.parquet")]
    assert [one["name"] for one in last["inputs"]] == [str(project.root / "in.csv")]
    assert [one["name"] for one in last["outputs"]] == [str(project.root / "out.parquet")]
    assert SECRET not in json.dumps(taker.events)


def test_a_failure_is_told_without_its_secrets(project, taker, monkeypatch):
    monkeypatch.setenv("THE_WORD", SECRET)
    shop(project, broken=True)
    assert not project.run().ok
    check_events(taker.events)
    assert taker.states(".sum") == ["START", "FAIL"]
    assert taker.states(".training") == ["START", "FAIL"]
    (failed,) = [
        e for e in taker.events if e["job"]["name"].endswith(".sum") and e["eventType"] == "FAIL"
    ]
    error = failed["run"]["facets"]["errorMessage"]
    assert "the word is ***" in error["message"]
    assert "ValueError" in error["stackTrace"]
    assert failed.get("outputs", []) == []
    assert SECRET not in json.dumps(taker.events)


def test_nothing_is_sent_where_nobody_listens(project, monkeypatch):
    monkeypatch.setenv("THE_WORD", SECRET)
    shop(project)
    assert project.run().ok
    assert not (project.state / "store" / "openlineage").exists()
    assert send_waiting_lineage(project.store) == 0


def test_what_cant_be_sent_waits_and_is_sent_once(project, monkeypatch):
    monkeypatch.setenv("THE_WORD", SECRET)
    port = free_port()
    monkeypatch.setenv("ATLAS_OPENLINEAGE_URL", f"http://127.0.0.1:{port}")
    shop(project)
    first = project.run()
    assert first.ok
    (warning,) = first.first.finished.warnings
    assert warning.startswith("OpenLineage events not sent: openlineage at http://127.0.0.1:")
    assert "they wait in the store, the next run or `atlas runs --sync` sends them" in warning
    with pytest.raises(PlatformError, match="openlineage at "):
        send_waiting_lineage(project.store)
    with serving(Taker(), port) as taker:
        second = project.run()
        assert not second.first.finished.warnings
        assert len({event["run"]["runId"] for event in taker.events}) == 8
        assert len(taker.events) == 16
        assert send_waiting_lineage(project.store) == 0
        LineageOutbox(project.store.location).add("shop", first.id)
        assert send_waiting_lineage(project.store) == 1
        assert len(taker.events) == 16


def test_a_late_endpoint_holds_no_run_up(project, taker, monkeypatch):
    monkeypatch.setenv("THE_WORD", SECRET)
    shop(project)
    project.run()
    taker.events.clear()
    taker.seconds = 200.0
    monkeypatch.setattr("atlas.step.lineage_events._BUDGET_SECONDS", 2.0)
    start = time.monotonic()
    ran = project.run(settings=RunSettings(use_cache=False))
    assert time.monotonic() - start < 100
    assert ran.ok
    assert "they wait in the store" in ran.first.finished.warnings[0]


def test_what_making_events_takes_is_no_time_for_sending_them(project, taker, monkeypatch):
    """As on a busy machine, where imports alone may take longer."""
    monkeypatch.setenv("THE_WORD", SECRET)
    monkeypatch.setattr("atlas.step.lineage_events._BUDGET_SECONDS", 0.2)
    make = lineage_events._events

    def slow(*given):
        time.sleep(0.3)
        return make(*given)

    monkeypatch.setattr(lineage_events, "_events", slow)
    shop(project)
    assert project.run().ok
    assert taker.events


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_an_endpoint_that_refuses_everything_gets_it_later(project, taker, monkeypatch, status):
    monkeypatch.setenv("THE_WORD", SECRET)
    shop(project)
    taker.status = status
    ran = project.run()
    assert ran.ok
    assert f"status {status}" in ran.first.finished.warnings[0]
    assert len(taker.authorizations) == 1, "nothing is tried after it"
    taker.status = 200
    assert send_waiting_lineage(project.store) == 1
    assert len(taker.events) == 8


def test_an_answer_that_is_none_is_a_warning(project, taker, monkeypatch):
    monkeypatch.setenv("THE_WORD", SECRET)
    shop(project)
    taker.garbled = True
    ran = project.run()
    assert ran.ok
    assert "they wait in the store" in ran.first.finished.warnings[0]


def test_one_event_that_is_refused_holds_no_other_up(project, taker, monkeypatch):
    monkeypatch.setenv("THE_WORD", SECRET)
    shop(project)
    taker.refused = '"name": "shop.training.load"'
    ran = project.run()
    assert ran.ok
    assert "status 400" in ran.first.finished.warnings[0]
    assert len(taker.events) == 6
    second = project.run(settings=RunSettings(use_cache=False))
    assert "status 400" in second.first.finished.warnings[0]
    asked = len(taker.authorizations)
    assert asked == 16, "the refused events of the first run aren't tried by the second"
    taker.refused = ""
    assert send_waiting_lineage(project.store) == 2
    assert len(taker.events) == 16


def test_a_resumed_run_sends_what_is_new(project, taker, monkeypatch):
    monkeypatch.setenv("THE_WORD", SECRET)
    shop(project, broken=True)
    failed = project.run()
    before = len(taker.events)
    monkeypatch.setenv("MENDED", "1")
    assert project.run(settings=RunSettings(resume=True, run=failed.id)).ok
    new = taker.events[before:]
    assert taker.states(".sum") == ["START", "FAIL", "START", "COMPLETE"]
    assert len({json.dumps(event) for event in taker.events}) == len(taker.events)
    assert new[-1]["eventType"] == "COMPLETE"
    assert new[-1]["run"]["runId"] == taker.events[0]["run"]["runId"]


def test_events_of_a_run_that_is_removed_are_forgotten(project, taker):
    outbox = LineageOutbox(project.store.location)
    outbox.add("shop", "gone")
    project.store.location.write("openlineage/bad.json", b"[")
    assert send_waiting_lineage(project.store) == 0
    assert project.store.location.names("openlineage") == []


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ({"token": "t0ken"}, "Bearer t0ken"),
        ({"username": "ann", "password": SECRET}, "Basic YW5uOmh1bnRlcjItaXMtdGhlLXdvcmQ="),
    ],
)
def test_who_sends_is_in_a_private_file(project, taker, monkeypatch, content, header):
    monkeypatch.setenv("THE_WORD", "x")
    shop(project)
    secret = project.write("secret.json", json.dumps(content))
    secret.chmod(0o600)
    monkeypatch.setenv("ATLAS_OPENLINEAGE_CREDENTIALS", str(secret))
    assert project.run().ok
    assert {*taker.authorizations} == {header}
    secret.chmod(0o644)
    ran = project.run(settings=RunSettings(use_cache=False))
    assert ran.ok
    (warning,) = ran.first.finished.warnings
    assert "expected 0600" in warning
    assert not any(str(value) in warning for value in content.values())


def test_an_endpoint_may_be_anywhere(project, taker, monkeypatch):
    monkeypatch.setenv("THE_WORD", "x")
    monkeypatch.setenv("ATLAS_OPENLINEAGE_URL", f"{taker.url}/hook/lineage")
    shop(project)
    assert project.run().ok
    assert taker.paths == {"/hook/lineage"}


def test_without_the_client_a_run_says_what_to_install(project, taker, monkeypatch):
    monkeypatch.setenv("THE_WORD", "x")
    shop(project)
    for name in [name for name in sys.modules if name.startswith("atlas.tracking.openlineage.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    ran = project.run()
    assert ran.ok
    (warning,) = ran.first.finished.warnings
    assert "pip install 'atlas-ml[openlineage]' where steps run" in warning
    with pytest.raises(PlatformError, match="isn't installed"):
        send_waiting_lineage(project.store)
    assert taker.events == []


def test_runs_sync_sends_what_waits(project, monkeypatch):
    monkeypatch.setenv("THE_WORD", "x")
    port = free_port()
    monkeypatch.setenv("ATLAS_OPENLINEAGE_URL", f"http://127.0.0.1:{port}")
    shop(project)
    project.run()
    variables = {"ATLAS_OPENLINEAGE_URL": f"http://127.0.0.1:{port}", "THE_WORD": "x"}
    failed = project.atlas("runs", "--sync", env=environment(**variables))
    assert failed.returncode == 1
    assert "openlineage at http://127.0.0.1:" in failed.stderr
    with serving(Taker(), port) as taker:
        done = project.atlas("runs", "--sync", env=environment(**variables))
        assert done.returncode == 0, done.stderr
        assert "OpenLineage events of 1 runs sent" in done.stdout
    assert len(taker.events) == 8


def test_the_platform_s_outputs_name_the_endpoint_and_its_secret(project, monkeypatch):
    monkeypatch.setenv("THE_WORD", "x")
    with serving(Taker()) as taker:
        services = {
            "store": {"kind": "file", "url": project.url},
            "secrets": {"kind": "folder", "url": (project.root / "secrets").as_uri()},
            "openlineage": {
                "kind": "openlineage", "url": taker.url, "credentials": "catalogue",
            },
        }  # fmt: skip
        whole = {
            name: {"workload_url": service["url"], "credentials": None, "version": "", **service}
            for name, service in services.items()
        }
        outputs = {"version": 1, "stack": "mine", "target": "other", "services": whole}
        project.write("platform.json", json.dumps(outputs))
        project.write("secrets/catalogue.json", '{"token": "t0ken"}').chmod(0o600)
        shop(project)
        local = json.loads((project.root / "environments/local.json").read_text())
        named = {**local, "platform": {"outputs": "platform.json"}}
        project.write("environments/local.json", json.dumps(named))
        ran = project.run()
        assert ran.ok
        assert len(taker.events) == 8
        assert {*taker.authorizations} == {"Bearer t0ken"}
