"""Notifications, really sent: to an HTTP server, by a run here, Kubeflow's exit handler, Airflow."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest

from atlas.plan import Plan
from atlas.retraining.showing import show
from atlas.runner import RunSettings
from atlas.step.finish import finished_run
from atlas.step.notifying import notify_end, notify_trigger
from atlas.store import Store, add_code, open_store
from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from tests.contract.executing import Execution
from tests.contract.reading.package import Package
from tests.projects import Project, project
from tests.stack import ways
from tests.unit.atlas.monitor.lives import Shop

__all__ = ["project"]

SOURCE = """
class Value(NamedTuple):
    value: int

class Make(Template):
    def run(self) -> Value:
        return Value(1)

class Break(Template):
    fails: bool
    def run(self, value: int) -> Value:
        if self.fails:
            raise ValueError(f"no rows; asked with {self.context.secrets['key']} at "
                             "https://me:hunter2222@example.com/x")
        return Value(value)
"""
STEPS = {
    "make": {"class": "steps:Make"},
    "break": {
        "class": "steps:Break",
        "inputs": {"value": "make.value"},
        "params": {"fails": {"parameter": "fails"}},
        "secrets": ["key"],
    },
}
PARAMETERS = {"fails": {"type": "boolean", "default": True}}
TOKEN, KEY = "tokenABCDEF123456", "keyABCDEF987654"
MODEL = {"name": "m", "from": {"value": "break.value"}}


class Receiver:
    """An HTTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append({**json.loads(body), "path": self.path})
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/{TOKEN}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def made(root: Path, kind: str, **more: Any) -> tuple[Project, Plan]:
    """Write a pipeline whose failures and promotions are notified of; return its training Plan."""
    project = Project(root)
    project.write("pyproject.toml", "[tool.atlas]\n")
    project.pipeline("p", SOURCE, STEPS, config={"model": MODEL}, parameters=PARAMETERS)
    places = {
        "variable": {"chat": "CHAT", "key": "KEY"},
        "kubernetes": {"chat": "s/chat", "key": "s/key"},
    }
    secrets = {name: {kind: place} for name, place in places[kind].items()}
    notify = {"failure": "chat", "promotion": ["chat"], "trigger": "chat"}
    project.environment(secrets=secrets, notify=notify, **more)
    (pipeline,) = project.resolve("p")
    return project, pipeline.plans["training"]


def prepared(folder: Path, project: Project, plan: Plan) -> Store:
    folder.mkdir()
    store = open_store(folder.as_uri())
    store.add_plan(plan)
    add_code(store, project.root / "p", plan.code)
    return store


def check(got: dict[str, Any], run: str) -> None:
    """Check a message of a failure: what it says, and that no secret is in it."""
    assert (got["title"], got["type"]) == ("p training: failed", "failure")
    lines = dict(line.split(": ", 1) for line in got["message"].splitlines())
    assert lines["pipeline"] == "p"
    assert lines["run"] == run
    assert lines["step"] == "break"
    assert "no rows" in lines["reason"]
    for word in (TOKEN, KEY, "hunter2222"):
        assert word not in got["message"]


def is_nowhere(word: str, *folders: Path) -> bool:
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return not any(word.encode() in file.read_bytes() for file in files)


@pytest.fixture
def here(project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("CHAT", receiver.address)
    monkeypatch.setenv("KEY", KEY)
    made(project.root, "variable", targets={"training": "local", "inference": "local"})
    return project


def test_a_run_here_tells_of_its_failure_once_and_keeps_the_address_to_itself(
    here: Project, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    ran = here.run("p")
    run = ran.result.runs[0]
    (got,) = receiver.got
    check(got, run.run.id)
    assert run.finished is not None
    assert run.finished.status == "failed"
    finished = notify_end(here.store, here.plan("p"), run.run, run.finished)
    assert (finished, len(receiver.got)) == ((), 1), "at most once"
    printed = "".join(capfd.readouterr())
    assert TOKEN not in printed
    assert is_nowhere(TOKEN, here.root)


def test_a_promotion_is_told_with_model_and_reason(here: Project, receiver: Receiver) -> None:
    ran = here.run("p", RunSettings(parameters={"fails": False}))
    assert ran.result.ok
    (got,) = receiver.got
    assert (got["title"], got["type"]) == ("p training: a new champion", "info")
    assert "model: m version local-1" in got["message"]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (("", 500), "the service didn't accept the message"),
        (("json://127.0.0.1:1/x", 200), "the service didn't accept the message"),
        (("nosuch://x", 200), "it holds no address that Apprise knows"),
        ((None, 200), "secret 'chat' isn't there"),
    ],
    ids=["refused", "nobody", "unknown", "missing"],
)
def test_a_notification_that_fails_changes_nothing_but_a_warning(
    here: Project,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    sent: tuple[str | None, int],
    reason: str,
) -> None:
    address, receiver.status = sent
    if address is None:
        monkeypatch.delenv("CHAT")
    elif address:
        monkeypatch.setenv("CHAT", address)
    ran = here.run("p", RunSettings(parameters={"fails": False}))
    assert ran.result.ok
    finished = ran.result.runs[0].finished
    assert finished is not None
    assert finished.status == "done"
    (warning,) = [one for one in finished.warnings if "notify" in one]
    assert reason in warning
    assert "127.0.0.1" not in warning


def test_the_sandbox_tells_nobody(here: Project, receiver: Receiver) -> None:
    here.run("p", RunSettings(trigger="sandbox"))
    assert receiver.got == []


def test_a_trigger_is_told_with_its_reason(here: Project, receiver: Receiver) -> None:
    facts = {"trigger": "drift", "reason": f"area drifted, {KEY}"}
    assert notify_trigger(here.plan("p"), facts) == ()
    (got,) = receiver.got
    assert got["title"] == "p: retraining is due"
    assert "trigger: drift\nreason: area drifted, ***" in got["message"]


def test_the_check_that_finds_a_cause_tells_of_it_and_the_next_one_does_not(
    here: Project, receiver: Receiver, tmp_path: Path
) -> None:
    shop = Shop(open_store((tmp_path / "shop").as_uri()), {"new_rows": 500}, pipeline="p")
    plan = here.plan("p")
    shop.store.add_plan(plan)
    monitored = replace(shop.monitored, plans={"training": plan.digest})
    shop.train()
    assert show(shop.store, shop.registry, monitored, shop.check()).warnings == ()
    assert receiver.got == []
    shop.score(1)
    checked = shop.check()
    (event,) = checked.events
    assert show(shop.store, shop.registry, monitored, checked).warnings == ()
    assert show(shop.store, shop.registry, monitored, shop.check()).warnings == ()
    (got,) = receiver.got
    assert got["title"] == "p: retraining is due"
    assert f"trigger: new_rows\nevent: {event.id}" in got["message"]


@pytest.mark.parametrize(
    ("trigger", "hours", "told"),
    [("schedule", 3, True), ("schedule", 1, False), ("manual", 3, False)],
    ids=["late", "in time", "not scheduled"],
)
def test_a_scheduled_run_that_ends_late_is_told_of(
    here: Project, receiver: Receiver, trigger: str, hours: int, told: bool
) -> None:
    schedule = {"training": {"cron": "0 6 * * *", "timezone": "UTC", "start": "2026-01-01"}}
    config = {"schedule": schedule, "alerts": {"late": "2h"}}
    here.pipeline("p", SOURCE, STEPS, config=config, parameters=PARAMETERS)
    secrets = {name: {"variable": name.upper()} for name in ("chat", "key")}
    targets = {"training": "local", "inference": "local"}
    here.environment(secrets=secrets, notify={"late": "chat"}, targets=targets)
    end = datetime.now(UTC) - timedelta(hours=hours)
    interval = {
        "interval_start": (end - timedelta(days=1)).isoformat(),
        "interval_end": end.isoformat(),
    }
    ran = here.run("p", RunSettings(parameters={"fails": False}, trigger=trigger, **interval))
    assert ran.result.ok
    titles = [(got["title"], got["type"]) for got in receiver.got]
    assert titles == ([("p training: late", "failure")] if told else [])
    assert all("expected at most 7,200 s" in got["message"] for got in receiver.got)


def test_another_member_s_message_that_cannot_be_sent_is_a_warning_of_its_run(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", receiver.address)
    receiver.status = 500
    source = """
class Model(NamedTuple):
    model: dict[str, float]

class Train(Template):
    region: str
    def run(self) -> Model:
        self.context.metric("rate", 0.9)
        return Model({"rate": 0.9})
"""
    steps = {"train": {"class": "steps:Train", "params": {"region": {"axis": "region"}}}}
    config = {
        "matrix": {"region": ["apac", "emea"]},
        "model": {"name": "m", "from": {"model": "train.model"}},
        "promotion": {"metric": "train.rate", "direction": "higher"},
    }
    project.pipeline("p", source, steps, config=config)
    secrets = {"chat": {"variable": "CHAT"}}
    project.environment(secrets=secrets, notify={"promotion": "chat"})
    ran = project.run("p")
    assert ran.result.ok
    assert len(receiver.got) == len(ran.result.runs) == 2
    for run in ran.result.runs:
        recorded = finished_run(project.store, run.run)
        assert recorded is not None
        assert recorded.promotion is not None
        assert recorded.promotion.promoted
        (warning,) = [one for one in recorded.warnings if "notify" in one]
        assert "the service didn't accept the message" in warning


def test_kubeflows_exit_handler_tells_of_a_failure(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, plan = made(tmp_path / "project", "kubernetes")
    store = prepared(tmp_path / "store", project, plan)
    compiler = KubeflowCompiler(exit_handler=True)
    (content,) = compiler.compile(plan, {"": "image@sha256:" + "0" * 64}).values()
    package = Package.parse(content)
    mounted = package.kubernetes["exec-atlas-finish"]["secretAsEnv"]
    assert [(one["secretName"], one["keyToEnv"]) for one in mounted] == [
        ("s", [{"envVar": "ATLAS_SECRET_CHAT", "secretKey": "chat"}])
    ]
    monkeypatch.setenv("ATLAS_STORE", store.url)
    monkeypatch.setenv("ATLAS_SECRET_KEY", KEY)
    execution = Execution(package, tmp_path / "outputs")
    assert not execution.run({"atlas_run": "one"})
    assert receiver.got == []
    monkeypatch.setenv("ATLAS_SECRET_CHAT", receiver.address)
    assert execution.end({"atlas_run": "one", "fails": True})
    assert execution.end({"atlas_run": "one", "fails": True})
    (got,) = receiver.got
    check(got, "training-one")
    assert is_nowhere(TOKEN, store_folder(store))


def store_folder(store: Store) -> Path:
    return Path(store.url.removeprefix("file://"))


def test_compiled_files_name_the_secret_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", f"json://example.com/{TOKEN}")
    for tasks, kind in (
        ("process", "variable"),
        ("docker", "variable"),
        ("kubernetes", "kubernetes"),
    ):
        targets = {"training": "airflow"}
        _, plan = made(tmp_path / tasks, kind, targets=targets)
        images = {"": "image@sha256:" + "0" * 64} if tasks != "process" else {}
        ((_, content),) = AirflowCompiler(tasks).compile(plan, images).items()
        text = content.decode()
        end = text[text.index("finish(", text.index("steps = {}")) :]
        assert TOKEN not in text
        if tasks != "process":
            assert "ATLAS_SECRET_CHAT" in end
            assert "ATLAS_SECRET_KEY" not in end


@pytest.mark.long
def test_airflows_last_task_tells_of_a_failure(receiver: Receiver, tmp_path: Path) -> None:
    project, plan = made(tmp_path / "project", "variable", targets={"training": "airflow"})
    store = prepared(tmp_path / "store", project, plan)
    ((name, content),) = AirflowCompiler().compile(plan, {}).items()
    file = tmp_path / "dags" / name
    file.parent.mkdir()
    file.write_bytes(content)
    worker = {
        "ATLAS_STORE": store.url,
        "ATLAS_PYTHON": sys.executable,
        "CHAT": receiver.address,
        "KEY": KEY,
        "AIRFLOW__API__BASE_URL": "https://airflow.example",
    }
    ran = ways.with_airflow(file, tmp_path / "home", {"fails": True}, worker)
    assert ran["state"] == "failed"
    (got,) = receiver.got
    check(got, f"training-{ran['run']}")
    page = f"https://airflow.example/dags/p-training/runs/{quote(ran['run'])}"
    assert got["message"].endswith(f"link: {page}")
    assert TOKEN not in ran["printed"]
    assert is_nowhere(TOKEN, store_folder(store), file.parent, tmp_path / "home")
    assert "CHAT" not in os.environ
