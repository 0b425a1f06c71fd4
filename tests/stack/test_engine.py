"""Pulumi, real, driven by Atlas, with small processes in place of services."""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import pytest

from atlas.errors import DeployError
from atlas_deploy.stacks import Stack
from atlas_deploy.stacks.backend import Backend
from atlas_provider import process_trees
from atlas_provider.ports import is_free
from atlas_provider.resources import Ports, Process
from atlas_provider.supervision import Supervisor

pytestmark = pytest.mark.stack

SERVE = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port:http}"]


@pytest.fixture(autouse=True)
def unclosed_loops():
    """Pulumi leaves event loops to the garbage collector, which warns of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def state(tmp_path):
    state = tmp_path / "state"
    yield state
    folder = state / "platform" / "a"
    if folder.exists():
        Supervisor(folder).shut_down()
        process_trees.end(process_trees.marked_below(str(folder)), 5)


@pytest.fixture
def open_stack(state):
    def make(program, say=lambda line: None):
        return Stack.open("a", project="probe", state=state, program=program, say=say)

    return make


def web(state, command=SERVE, **more):
    import pulumi

    options = {"ports": {"http": 0}, "health": "http://127.0.0.1:{port:http}/", **more}
    made = Process("web", folder=str(state / "platform" / "a"), command=command, **options)
    pulumi.export("port", made.bound["http"])


def test_up_twice_and_destroy(open_stack, state):
    said = []
    stack = open_stack(lambda: web(state), said.append)
    first = stack.up()
    assert first.changes == {"create": ["web"]}
    assert [line.split("(")[0].split() for line in said] == [
        ["web", "starting"],
        ["web", "created"],
    ]
    second = stack.up()
    assert second.changes == {}
    assert second.outputs == first.outputs
    assert stack.exists
    assert stack.destroy().changes == {"delete": ["web"]}
    assert not stack.exists
    assert is_free(int(first.outputs["port"]))


def test_a_failure_is_told_in_the_providers_words(open_stack, state):
    broken = [sys.executable, "-c", "raise SystemExit('no such database')"]
    with pytest.raises(DeployError) as caught:
        open_stack(lambda: web(state, broken)).up()
    message = str(caught.value)
    assert message.startswith("stack a: web: exited with status 1; the last lines of ")
    assert message.endswith("  | no such database")
    assert "rpc error" not in message


def test_a_wrong_input_is_told_with_its_name(open_stack, state):
    with pytest.raises(
        DeployError, match=r"^stack a: web: stopSignal: found 'NONE'; expected one of TERM"
    ):
        open_stack(lambda: web(state, stop_signal="NONE")).up()


def test_a_bug_of_the_program_is_raised_as_itself(open_stack):
    def program():
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        open_stack(program).up()


def test_an_engine_killed_while_it_creates_is_taken_up_from_there(open_stack, state):
    slow = [sys.executable, "-c", f"import time, runpy; time.sleep(3); {RUN_SERVER}"]
    stack = open_stack(lambda: web(state, [*slow, "{port:http}"]))
    failed = []

    def update():
        try:
            stack.up()
        except DeployError as error:
            failed.append(str(error))

    thread = threading.Thread(target=update)
    thread.start()
    end = time.monotonic() + 60
    while not process_trees.marked_below(str(state / "platform" / "a")):
        assert time.monotonic() < end, failed
        time.sleep(0.05)
    (engine,) = engines(state)
    subprocess.run(["kill", "-KILL", str(engine)], check=True)
    thread.join()
    assert "killed by signal 9; run the same command again" in failed[0]
    assert stack.up().changes == {"create": ["web"]}
    assert len(process_trees.marked_below(str(state / "platform" / "a"))) == 1


RUN_SERVER = (
    "import http.server, sys; "
    "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"
)


def engines(state):
    """Return the pids of the engines on a state folder."""
    wanted = f"ATLAS_STATE={state}"
    return [pid for pid in process_trees.pids() if is_engine(pid) and wanted in variables(pid)]


def is_engine(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip() == "pulumi"
    except OSError:
        return False


def variables(pid):
    try:
        with open(f"/proc/{pid}/environ") as file:
            return file.read().split("\0")
    except OSError:
        return []


def test_another_passphrase_is_told_with_its_file(open_stack, state):
    def program():
        import pulumi

        Ports("ports", names=["a"])
        pulumi.export("secret", pulumi.Output.secret("hunter2"))

    open_stack(program).up()
    assert "hunter2" not in (state / "pulumi/.pulumi/stacks/probe/a.json").read_text()
    (state / "passphrase").write_text("another\n")
    with pytest.raises(DeployError, match=r"the passphrase in .*/passphrase isn't the one"):
        open_stack(program).up()


FILES = [
    ".pulumi/stacks/probe/a.json",
    ".pulumi/stacks/probe/a.json.attrs",
    ".pulumi/stacks/probe/a.json.bak",
    ".pulumi/stacks/probe/a.json.1.tmp",
    ".pulumi/meta.yaml",
    ".pulumi/meta.yaml.attrs",
    ".pulumi/locks/organization/probe/a/1.json",
    ".pulumi/locks/organization/probe/a/1.json.1.tmp",
    ".pulumi/history/probe/a/a-1.history.json",
    "projects/probe/Pulumi.a.yaml",
    "projects/probe/Pulumi.yaml",
]


def secretive():
    import pulumi

    Ports("ports", names=["a"])
    pulumi.export("secret", pulumi.Output.secret("hunter2"))


EMPTY, HALF_OF_IT = 0, 0.5
CUT_OFF = [*itertools.product(FILES, (EMPTY, HALF_OF_IT))]


@pytest.mark.parametrize(
    "cut_off",
    [CUT_OFF[::3], pytest.param(CUT_OFF, marks=pytest.mark.long)],
    ids=["some", "all"],
)
def test_whatever_file_was_cut_off_the_next_update_goes_on(open_stack, state, cut_off):
    """Each file of Pulumi's, empty or cut in half; all of them, in both ways, in the long form."""
    open_stack(secretive).up()
    for name, part in cut_off:
        path = state / "pulumi" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes() if path.exists() else b'{"pid": 7}'
        path.write_bytes(content[: int(part * len(content))])
        if "/locks/" in name or name.endswith(".tmp"):
            os.utime(path, (1, 1))
        assert open_stack(secretive).up().changes.keys() <= {"create"}, (name, part)
    assert not (state / "pulumi/.pulumi/stacks/probe/a.json.1.tmp").exists()


@pytest.mark.parametrize("updates", [6, pytest.param(12, marks=pytest.mark.long)])
def test_an_engine_killed_in_the_middle_of_its_writes_is_taken_up(open_stack, state, updates):
    """Killed as soon as a draft, a lock or a history entry appears, and at any other moment."""
    chance = random.Random(16)
    folder = state / "pulumi" / ".pulumi"
    open_stack(lambda: many(0)).up()
    for number in range(1, updates + 1):
        stack = open_stack(lambda number=number: many(number))
        thread = threading.Thread(target=update_or_fail, args=(stack,))
        thread.start()
        before = {*folder.rglob("*")}
        end = time.monotonic() + (60 if number % 3 else chance.uniform(0.2, 1.5))
        wanted = (".json", ".tmp")[number % 2]
        while thread.is_alive() and time.monotonic() < end:
            if any(path.suffix == wanted for path in {*folder.rglob("*")} - before):
                break
        for engine in engines(state):
            with contextlib.suppress(ProcessLookupError):
                os.kill(engine, signal.SIGKILL)
        thread.join()
    open_stack(lambda: many(99)).up()
    assert open_stack(lambda: many(99)).up().changes == {}
    last = open_stack(lambda: many(99))
    last.destroy()
    assert not last.exists
    assert not [*folder.rglob("locks/**/*.*")]


def many(number):
    """Resources that differ from those of another number, one write of the state for each."""
    for index in range(6):
        Ports(f"ports{index}", names=[f"a{number}"])


def update_or_fail(stack):
    with contextlib.suppress(DeployError):
        stack.up()


def test_the_schema_is_one_that_pulumi_takes(tmp_path):
    from atlas_toolchain import engine

    found = engine.find()
    provider = f"{sys.prefix}/bin/pulumi-resource-atlas"
    done = subprocess.run(
        [found.path, "package", "get-schema", provider],
        capture_output=True,
        text=True,
        env={"PATH": f"{sys.prefix}/bin:/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    schema = json.loads(done.stdout)
    assert schema["name"] == "atlas"
    assert "atlas:index:Process" in schema["resources"]


HALF = """
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import Kind, PartialFailureError, State
from atlas.kinds.properties import properties
from atlas_provider.provider import AtlasProvider
from atlas_provider.serve import serve

@properties
class Inputs:
    '''Members, of which one fails while a file is there.'''
    members: Annotated[Mapping[str, str], "Members."]

@properties
class Outputs:
    '''What was made.'''
    done: Annotated[Mapping[str, str], "Made ones."]

class Half(Kind):
    inputs, outputs = Inputs, Outputs

    def read(self, identity, state, context): return state
    def delete(self, identity, state, context): pass
    def create(self, inputs, context): return "half", self.make(inputs)
    def update(self, identity, state, inputs, context): return self.make(inputs)
    def drift(self, state, inputs):
        return {} if state.outputs.done == inputs.members else {"done": "update"}
    def make(self, inputs):
        made = {name: value for name, value in inputs.members.items() if value != "bad"}
        if made != inputs.members and Path(sys.argv[0] + ".fails").exists():
            raise PartialFailureError("half", State(inputs, Outputs(done=made)), ["b: no room"])
        return Outputs(done=inputs.members)

serve(AtlasProvider({"atlas:index:Half": Handler(Half())}, "1.0.0"), "1.0.0", sys.argv[-1])
"""


@pytest.fixture
def half(tmp_path, monkeypatch):
    """Put a provider in front of Atlas's, which does half of what it should."""
    path = tmp_path / "bin" / "pulumi-resource-atlas"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\n{HALF}")
    path.chmod(0o755)
    whole = Backend.variables

    def variables(self, engine):
        found = whole(self, engine)
        return {**found, "PATH": f"{path.parent}:{found['PATH']}"}

    monkeypatch.setattr(Backend, "variables", variables)
    return path


def test_what_was_done_before_a_failure_is_kept_and_the_rest_is_tried_again(
    open_stack, half, state
):
    def program():
        import pulumi

        members = {"a": "good", "b": "bad"}
        pulumi.CustomResource("atlas:index:Half", "half", {"members": members, "done": None})

    fails = half.with_name(f"{half.name}.fails")
    fails.touch()
    stack = open_stack(program)
    with pytest.raises(DeployError, match=r"^stack a: half: b: no room$"):
        stack.up()
    text = (state / "pulumi/.pulumi/stacks/probe/a.json").read_text()
    found = json.loads(text)["checkpoint"]["latest"]["resources"]
    (kept,) = [resource for resource in found if resource["type"].startswith("atlas:")]
    assert (kept["id"], kept["outputs"]["done"]) == ("half", {"a": "good"})
    with pytest.raises(DeployError, match=r"^stack a: half: b: no room$"):
        stack.up()
    fails.unlink()
    assert stack.up().changes == {"update": ["half"]}
    assert stack.up().changes == {}


def test_secrets_stay_secret_in_state_history_and_all_that_is_said(open_stack, state):
    """Of a program's inputs, of the vault, and in the last lines of a process that fails."""
    import pulumi

    said = []
    tells = "import os, sys; print(os.environ['TOKEN'], os.environ['OWN']); sys.exit(3)"

    def program(command=SERVE):
        hidden = pulumi.Output.secret("hunter2-given")
        variables = {"TOKEN": hidden, "OWN": "{secret:web}"}
        web(state, command, environment=variables, files={"key.txt": hidden})

    open_stack(program, said.append).up()
    assert open_stack(program, said.append).up().changes == {}
    with pytest.raises(DeployError, match=r"exited with status 3") as failed:
        open_stack(lambda: program([sys.executable, "-c", tells]), said.append).up()
    own = json.loads((state / "secrets" / "web.json").read_text())["password"]
    assert (state / "platform" / "a" / "web" / "key.txt").read_text() == "hunter2-given"
    kept = [path.read_text() for path in (state / "pulumi").rglob("*.json*") if path.is_file()]
    assert any("ciphertext" in text for text in kept)
    for text in (*kept, *said, str(failed.value)):
        assert "hunter2-given" not in text
        assert own not in text
