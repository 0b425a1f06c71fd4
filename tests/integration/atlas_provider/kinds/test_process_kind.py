"""The kind `Process`, against real small servers on loopback."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from atlas import files
from atlas.errors import PlatformError
from atlas.kinds.handler import Handler
from atlas.kinds.parsing import UNKNOWN
from atlas.kinds.protocol import OperationContext
from atlas_provider import process_trees, program, supervisor_rpc, unixrpc
from atlas_provider.kinds.process import ProcessKind
from atlas_provider.ports import is_free, is_listening
from atlas_provider.supervision import Supervisor

KIND = Handler(ProcessKind())
CONTEXT = OperationContext("web")
SERVE = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port:http}"]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "state" / "platform" / "local"
    yield folder
    if folder.exists():
        Supervisor(folder).shut_down()


@pytest.fixture
def inputs(folder):
    return {
        "name": "web",
        "folder": str(folder),
        "command": SERVE,
        "files": {"conf/greeting.txt": "port {port:http}, json {}"},
        "ports": {"http": 0},
        "health": "http://127.0.0.1:{port:http}/conf/greeting.txt",
        "healthTimeout": 120,
        "stopGrace": 2,
    }


def create(inputs):
    identity, outputs = KIND.create(inputs, CONTEXT)
    return identity, {**inputs, **outputs}


def read(identity, state):
    live = KIND.read(identity, state, CONTEXT)
    assert live is not None
    return live


def pid_of(folder, name="web"):
    pid = Supervisor(folder).pid(name)
    assert pid
    return pid


def wait_until(condition, seconds=200):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def test_create_serves_on_a_chosen_port_with_private_files(inputs, folder):
    identity, state = create(inputs)
    port = state["bound"]["http"]
    url = f"http://127.0.0.1:{port}/conf/greeting.txt"
    assert urllib.request.urlopen(url).read().decode() == f"port {port}, json {{}}"
    assert identity == state["directory"] == str(folder / "web")
    assert state["state"] == "running"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in files if "log" not in path.parts} <= {
        "0o600",
        "0o644",  # supervisord's own pid file and log, in a folder that only the owner may enter
    }
    assert oct((folder / "web" / "conf" / "greeting.txt").stat().st_mode & 0o777) == "0o600"
    assert oct((folder / "supervisord.sock").stat().st_mode & 0o777) == "0o600"
    assert oct(folder.stat().st_mode & 0o777) == "0o700"


def test_nothing_differs_after_a_create(inputs):
    identity, state = create(inputs)
    live = read(identity, state)
    assert live.state == state
    assert live.inputs == inputs
    assert KIND.diff(live.state, inputs).changes == {}


def test_a_dead_process_is_drift_and_comes_back_on_its_port(inputs, folder):
    identity, state = create(inputs)
    os.kill(pid_of(folder), signal.SIGKILL)
    wait_until(lambda: read(identity, state).state["state"] == "stopped")
    seen = read(identity, state).state
    assert KIND.diff(seen, inputs).changes == {"state": "update"}
    assert KIND.preview(seen, inputs)["bound"] == state["bound"]
    outputs = KIND.update(identity, seen, inputs, CONTEXT)
    assert outputs["bound"] == state["bound"]
    assert is_listening(state["bound"]["http"])


def test_a_file_edited_by_hand_is_drift(inputs, folder):
    identity, state = create(inputs)
    (folder / "web" / "conf" / "greeting.txt").write_text("mine")
    seen = read(identity, state).state
    assert KIND.diff(seen, inputs).changes == {"content": "update"}
    KIND.update(identity, seen, inputs, CONTEXT)
    assert read(identity, state).state == state


def test_update_takes_files_away_and_keeps_the_port(inputs, folder):
    identity, state = create(inputs)
    wanted = {**inputs, "files": {"other.txt": "1"}, "health": "http://127.0.0.1:{port:http}/"}
    changes = KIND.diff(state, wanted).changes
    assert changes == {
        'files["conf/greeting.txt"]': "delete",
        'files["other.txt"]': "add",
        "health": "update",
    }
    outputs = KIND.update(identity, state, wanted, CONTEXT)
    assert outputs["bound"] == state["bound"]
    assert not (folder / "web" / "conf" / "greeting.txt").exists()
    assert (folder / "web" / "other.txt").exists()


def test_delete_leaves_no_process_port_or_file_but_the_data(inputs, folder):
    identity, state = create(inputs)
    (folder / "web" / "data.db").write_text("precious")
    KIND.delete(identity, state, CONTEXT)
    assert is_free(state["bound"]["http"])
    assert process_trees.marked(identity) == set()
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {".lock", "log/web.log", "web/data.db"}
    KIND.delete(identity, state, CONTEXT)


def test_delete_ends_children_that_left_the_group(inputs, folder):
    child = "import time; time.sleep(600)"
    parent = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True)\n"
        "time.sleep(600)\n"
    )
    lonely = {**inputs, "command": [sys.executable, "-c", parent], "ports": {}, "files": {}}
    lonely.pop("health")
    identity, state = create(lonely)
    wait_until(lambda: len(process_trees.marked(identity)) == 2)
    KIND.delete(identity, state, CONTEXT)
    assert process_trees.marked(identity) == set()


def test_orphans_of_a_killed_supervisor_are_ended(inputs, folder):
    identity, state = create(inputs)
    server = int((folder / "supervisord.pid").read_text())
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: read(identity, state).state["state"] == "stopped")
    outputs = KIND.update(identity, read(identity, state).state, inputs, CONTEXT)
    assert outputs["bound"] == state["bound"]
    KIND.delete(identity, state, CONTEXT)
    assert is_free(state["bound"]["http"])


def test_a_socket_that_nobody_serves_is_given_up_at_once(inputs, folder, monkeypatch):
    """As one is after a kill, while a process that was being started still holds it."""
    waits = []
    call = supervisor_rpc.SupervisorRpc.call

    def noted(self, method, *arguments, seconds=supervisor_rpc.CALL_SECONDS):
        try:
            return call(self, method, *arguments, seconds=seconds)
        except TimeoutError:
            waits.append(seconds)
            raise

    monkeypatch.setattr(supervisor_rpc.SupervisorRpc, "call", noted)
    monkeypatch.setattr(supervisor_rpc, "_ASK_SECONDS", 0.2)
    files.make_folder(folder)
    with socket.socket(socket.AF_UNIX) as dead, unixrpc.short_path(folder) as here:
        dead.bind(f"{here}/supervisord.sock")
        dead.listen()
        identity, state = create(inputs)
    assert waits
    assert set(waits) == {0.2}
    assert read(identity, state).state["state"] == "running"


def test_a_supervisor_that_hangs_is_replaced(inputs, folder, monkeypatch):
    monkeypatch.setattr(supervisor_rpc, "_ASK_SECONDS", 0.2)
    monkeypatch.setattr(supervisor_rpc, "_BUSY_SECONDS", 1.0)
    monkeypatch.setattr(supervisor_rpc, "_STOP_SECONDS", 1.0)
    identity, state = create(inputs)
    server = process_trees.find(int((folder / "supervisord.pid").read_text()))
    os.kill(server.pid, signal.SIGSTOP)
    state = KIND.update(identity, state, inputs, CONTEXT)
    assert not server.is_alive
    assert state["state"] == "running"


def test_two_programs_share_a_supervisor_and_the_last_ends_it(inputs, folder):
    other = {**inputs, "name": "other"}
    results = {}
    threads = [
        threading.Thread(
            target=lambda wanted=wanted: results.update({wanted["name"]: create(wanted)})
        )
        for wanted in (inputs, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server = process_trees.find(int((folder / "supervisord.pid").read_text()))
    assert server
    KIND.delete(*results["web"], CONTEXT)
    assert server.is_alive
    KIND.delete(*results["other"], CONTEXT)
    wait_until(lambda: not server.is_alive)
    assert not (folder / "supervisord.sock").exists()


def test_a_failing_program_shows_its_last_lines_and_leaves_nothing(inputs, folder):
    broken = {**inputs, "command": [sys.executable, "-c", "raise SystemExit('no such database')"]}
    with pytest.raises(PlatformError) as caught:
        KIND.create(broken, CONTEXT)
    assert str(caught.value).startswith("web: exited with status 1; the last lines of ")
    assert str(caught.value).endswith("  | no such database")
    assert not (folder / "web").exists()
    assert not (folder / "supervisord.sock").exists()
    identity, state = create(inputs)
    assert read(identity, state).state["state"] == "running"


def test_a_program_that_never_becomes_well(inputs, folder):
    deaf = {**inputs, "command": [sys.executable, "-c", "import time; time.sleep(600)"]}
    with pytest.raises(PlatformError, match=r"web: not well after 1 s: http://.*printed nothing"):
        KIND.create({**deaf, "healthTimeout": 1}, CONTEXT)
    assert process_trees.marked(str(folder / "web")) == set()


def test_a_command_that_is_not_there(inputs):
    with pytest.raises(PlatformError, match="web: exited with status 1"):
        KIND.create({**inputs, "command": ["/no/such/program"]}, CONTEXT)


def test_a_kept_port_in_use_is_named_with_its_holder(inputs, monkeypatch):
    monkeypatch.setattr("atlas_provider.running._PORT_SECONDS", 0.3)
    identity, state = create(inputs)
    KIND.delete(identity, state, CONTEXT)
    port = state["bound"]["http"]
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        with pytest.raises(PlatformError) as caught:
            KIND.update(identity, {**state, "state": "stopped"}, inputs, CONTEXT)
    assert f"web: port {port} (http) is in use by process {os.getpid()} (" in str(caught.value)
    assert "stop that process and try again" in str(caught.value)
    assert KIND.update(identity, state, inputs, CONTEXT)["bound"] == {"http": port}


def test_a_create_that_was_killed_is_taken_over(inputs, folder):
    """What an interrupted create left runs under the same name and is unknown to Pulumi."""
    _, first = create(inputs)
    _, second = create(inputs)
    assert len(process_trees.marked(str(folder / "web"))) == 1
    assert is_listening(second["bound"]["http"])
    if first["bound"] != second["bound"]:
        assert is_free(first["bound"]["http"])


class Killed(BaseException):
    """The provider dies here: nothing catches it, nothing is cleaned up."""


STEPS = [
    *[(program, name) for name in ("write", "remove")],
    *[(files, name) for name in ("write", "remove", "make_folder")],
    *[(Supervisor, name) for name in ("start", "stop", "remove", "_ensure", "_reload")],
]


class Killer:
    """Kills before or after the nth of the steps that change something; 0 kills nowhere."""

    def __init__(self, patch):
        self.moment = 0
        self.passed = 0
        for owner, name in STEPS:
            patch.setattr(owner, name, self.wrap(getattr(owner, name)))

    def arm(self, moment):
        self.moment, self.passed = moment, 0

    def disarm(self):
        self.arm(0)

    def pass_by(self):
        self.passed += 1
        if self.passed == self.moment:
            raise Killed

    def wrap(self, function):
        def step(*args, **kwargs):
            self.pass_by()
            result = function(*args, **kwargs)
            self.pass_by()
            return result

        return step


def is_killed(operation):
    try:
        operation()
    except Killed:
        return True
    return False


@pytest.mark.parametrize("stride", [11, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_killed_anywhere_the_repeat_converges(inputs, folder, monkeypatch, operation, stride):
    identity, wanted = str(folder / "web"), {**inputs, "files": {"conf/greeting.txt": "again"}}
    killer = Killer(monkeypatch)
    for moment in itertools.count(1, stride):
        killer.disarm()
        state = {} if operation == "create" else create(inputs)[1]
        perform = {
            "create": lambda: create(wanted)[1],
            "update": lambda old=state: {**wanted, **KIND.update(identity, old, wanted, CONTEXT)},
            "delete": lambda old=state: KIND.delete(identity, old, CONTEXT),
        }[operation]
        killer.arm(moment)
        if not is_killed(perform):
            break
        killer.disarm()
        state = perform()
        if operation != "delete":
            assert read(identity, state).state == state
            assert KIND.diff(state, wanted).changes == {}
            assert len(process_trees.marked(identity)) == 1
            KIND.delete(identity, state, CONTEXT)
        assert process_trees.marked(identity) == set()
        assert not (folder / "supervisord.sock").exists()
    assert moment > 20


def test_cancelling_a_create_leaves_nothing(inputs, folder):
    cancelled = threading.Event()
    deaf = {**inputs, "command": [sys.executable, "-c", "import time; time.sleep(600)"]}
    threading.Timer(1, cancelled.set).start()
    with pytest.raises(PlatformError, match="web: interrupted while it started"):
        KIND.create(deaf, OperationContext("web", 0, cancelled))
    assert process_trees.marked(str(folder / "web")) == set()
    assert not (folder / "web").exists()


def test_secrets_are_in_files_and_never_in_outputs_or_errors(inputs, folder):
    secret = {**inputs, "files": {"password.json": '{"atlas": "{secret:web}"}'}}
    secret["health"] = "http://127.0.0.1:{port:http}/password.json"
    identity, state = create(secret)
    kept = json.loads((folder.parent.parent / "secrets" / "web.json").read_text())
    assert json.loads((folder / "web" / "password.json").read_text()) == {"atlas": kept["password"]}
    assert kept["password"] not in json.dumps(state)
    assert read(identity, state).state == state
    tell = [sys.executable, "-c", "print(open('password.json').read()); raise SystemExit(3)"]
    with pytest.raises(PlatformError) as caught:
        KIND.update(identity, state, {**secret, "command": tell}, CONTEXT)
    assert kept["password"] not in str(caught.value)
    assert '{"atlas": "[secret]"}' in str(caught.value)


def test_a_long_path_and_odd_characters_do_no_harm(tmp_path, inputs):
    folder = tmp_path / ("long" * 30) / "with space; and % sign" / "local"
    wanted = {**inputs, "folder": str(folder)}
    try:
        identity, state = create(wanted)
        assert read(identity, state).state["state"] == "running"
        KIND.delete(identity, state, CONTEXT)
    finally:
        Supervisor(folder).shut_down()


def test_a_program_gets_no_secret_of_its_maker(inputs, folder, monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hunter2")
    create(inputs)
    for pid in (pid_of(folder), int((folder / "supervisord.pid").read_text())):
        assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.parametrize(
    ("change", "property_name", "reason"),
    [
        ({"name": "Web"}, "name", "found 'Web'"),
        ({"folder": "here"}, "folder", "expected an absolute path"),
        ({"command": []}, "command", "empty"),
        ({"files": {"../x": ""}}, 'files["../x"]', "leads out"),
        ({"files": {"a": "{port:grpc}"}}, "ports", "add 'grpc': 0"),
        ({"health": "tcp://127.0.0.1:{port:grpc}"}, "ports", "add 'grpc': 0"),
        ({"health": "https://x"}, "health", "expected http://… or tcp://…"),
        ({"stopSignal": "NONE"}, "stopSignal", "expected one of TERM"),
    ],
)
def test_check(inputs, change, property_name, reason):
    failures = KIND.check({**inputs, **change})
    assert [failure.property for failure in failures] == [property_name]
    assert reason in failures[0].reason


def test_check_and_preview_bear_unknowns(inputs):
    unknown = {**inputs, "environment": {"URL": UNKNOWN}}
    assert KIND.check(unknown) == []
    assert KIND.preview(None, unknown) == {"state": "running"}
    assert "bound" not in KIND.preview(None, inputs)


def test_another_name_replaces(inputs):
    state = {**inputs, "state": "running"}
    assert KIND.diff(state, {**inputs, "name": "other"}).changes == {"name": "replace"}


def test_its_removal_waits_for_the_end_of_those_that_report_to_it(inputs, folder):
    from threading import Thread

    slow = (
        "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.7), exit()))\n"
    )
    source = f"{slow}open('ready', 'w').close()\ntime.sleep(600)"
    other = {"name": "slow", "folder": str(folder), "command": [sys.executable, "-c", source]}
    first, second = create({**inputs, "stopAfter": ["slow", "never-there"]}), create(other)
    wait_until(lambda: (folder / "slow" / "ready").exists() or (folder / "ready").exists())
    pid = pid_of(folder, "slow")
    thread = Thread(target=KIND.delete, args=(*second, CONTEXT))
    thread.start()
    KIND.delete(*first, CONTEXT)
    assert not Path(f"/proc/{pid}").exists()
    thread.join()
