"""The kind `Command`, with real small programs."""

from __future__ import annotations

import sys
import threading

import pytest

from atlas.errors import PlatformError
from atlas_provider import procfs
from atlas_provider.kind import UNKNOWN, Context
from atlas_provider.kinds.command import Command

KIND = Command()
CONTEXT = Context("migrate")
COUNT = (
    "from pathlib import Path; made = Path('made.db');"
    "made.write_text((made.read_text() if made.exists() else '') + open('conf.txt').read())"
)


@pytest.fixture
def inputs(tmp_path):
    return {
        "name": "migrate",
        "folder": str(tmp_path / "platform" / "local"),
        "command": [sys.executable, "-c", COUNT],
        "creates": "made.db",
        "files": {"conf.txt": "a"},
    }


@pytest.fixture
def made(tmp_path):
    return tmp_path / "platform" / "local" / "migrate" / "made.db"


def create(inputs):
    identity, outputs = KIND.create(inputs, CONTEXT)
    return identity, {**inputs, **outputs}


def read(identity, state):
    live = KIND.read(identity, state, CONTEXT)
    assert live is not None
    return live.state


def test_it_runs_once_and_then_nothing_differs(inputs, made):
    identity, state = create(inputs)
    assert made.read_text() == "a"
    assert state["state"] == "done"
    assert read(identity, state) == state
    assert KIND.diff(state, inputs).changes == {}
    assert KIND.preview(state, inputs) == {
        name: state[name] for name in ("state", "directory", "content")
    }


def test_it_runs_again_when_an_input_changes(inputs, made):
    identity, state = create(inputs)
    wanted = {**inputs, "files": {"conf.txt": "b"}}
    assert KIND.diff(state, wanted).changes == {'files["conf.txt"]': "update"}
    outputs = KIND.update(identity, state, wanted, CONTEXT)
    assert made.read_text() == "ab"
    assert outputs["content"] != state["content"]


@pytest.mark.parametrize("lost", ["made.db", "done"])
def test_what_is_gone_is_made_again(inputs, made, lost):
    identity, state = create(inputs)
    (made.parent / lost).unlink()
    seen = read(identity, state)
    assert seen["state"] == "missing"
    assert KIND.diff(seen, inputs).changes == {"state": "update"}
    assert KIND.update(identity, seen, inputs, CONTEXT)["state"] == "done"


def test_a_file_edited_by_hand_is_drift(inputs, made):
    identity, state = create(inputs)
    (made.parent / "conf.txt").write_text("mine")
    assert KIND.diff(read(identity, state), inputs).changes == {"content": "update"}


def test_delete_keeps_what_it_made(inputs, made):
    identity, state = create(inputs)
    KIND.delete(identity, state, CONTEXT)
    assert [path.name for path in made.parent.iterdir()] == ["made.db"]


def test_a_failure_shows_the_last_lines_and_is_not_done(inputs, made):
    broken = {**inputs, "command": [sys.executable, "-c", "raise SystemExit('disk full')"]}
    with pytest.raises(PlatformError, match=r"(?s)migrate: exited with status 1;.*\| disk full$"):
        KIND.create(broken, CONTEXT)
    assert not made.parent.exists()


def test_it_is_ended_when_it_takes_too_long_or_is_cancelled(inputs, made):
    slow = {**inputs, "command": [sys.executable, "-c", "import time; time.sleep(600)"]}
    with pytest.raises(PlatformError, match="migrate: not done after 1 s"):
        KIND.create({**slow, "timeout": 1}, CONTEXT)
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(PlatformError, match="migrate: interrupted"):
        KIND.create(slow, Context("migrate", 0, cancelled))
    assert procfs.marked(str(made.parent)) == set()


def test_check_and_preview_bear_unknowns(inputs):
    assert KIND.check({**inputs, "environment": {"A": UNKNOWN}}) == []
    assert KIND.preview(None, {**inputs, "environment": {"A": UNKNOWN}}) == {"state": "done"}
    failures = KIND.check({**inputs, "files": {"a": "{port:http}"}})
    assert [failure.property for failure in failures] == ["ports"]
