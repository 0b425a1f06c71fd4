"""The kind `Database`, with real SQLite databases and small migrations."""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import closing

import pytest

from atlas.errors import PlatformError
from atlas.kinds.handler import Handler
from atlas.kinds.parsing import UNKNOWN
from atlas.kinds.protocol import OperationContext
from atlas_provider import process_trees
from atlas_provider.kinds.database import DatabaseKind
from atlas_provider.kinds.process import ProcessKind
from atlas_provider.supervision import Supervisor

KIND = Handler(DatabaseKind())
CONTEXT = OperationContext("app-database")
MIGRATE = (
    "import sqlite3\n"
    "c = sqlite3.connect('app.db.draft')\n"
    "c.execute('PRAGMA journal_mode=WAL')\n"
    "c.execute('create table if not exists migrations (step text)')\n"
    "c.execute('insert into migrations values (?)', (open('step.txt').read(),))\n"
    "c.commit()\n"
)


@pytest.fixture
def inputs(tmp_path):
    return {
        "name": "app",
        "folder": str(tmp_path / "platform" / "local"),
        "command": [sys.executable, "-c", MIGRATE],
        "file": "app.db",
        "files": {"step.txt": "a"},
    }


@pytest.fixture
def database(tmp_path):
    return tmp_path / "platform" / "local" / "app" / "app.db"


def steps(database):
    with closing(sqlite3.connect(database)) as connection:
        return [step for (step,) in connection.execute("select step from migrations")]


def create(inputs):
    identity, outputs = KIND.create(inputs, CONTEXT)
    return identity, {**inputs, **outputs}


def read(identity, state):
    live = KIND.read(identity, state, CONTEXT)
    assert live is not None
    return live.state


def script(inputs, text):
    return {**inputs, "command": [sys.executable, "-c", text]}


def test_it_is_made_once_and_then_nothing_differs(inputs, database):
    identity, state = create(inputs)
    assert steps(database) == ["a"]
    assert (state["state"], state["generation"]) == ("ready", 1)
    assert read(identity, state) == state
    assert KIND.diff(state, inputs).changes == {}
    assert sorted(path.name for path in database.parent.iterdir()) == [
        "app.db",
        "files.json",
        "migrated",
        "program.json",
        "resource.json",
        "step.txt",
    ]


def test_another_input_migrates_what_is_there(inputs, database):
    identity, state = create(inputs)
    wanted = {**inputs, "files": {"step.txt": "b"}}
    assert KIND.diff(state, wanted).changes == {'files["step.txt"]': "update"}
    assert KIND.preview(state, wanted)["generation"] == 2
    outputs = KIND.update(identity, state, wanted, CONTEXT)
    assert steps(database) == ["a", "b"]
    assert outputs["generation"] == 2
    assert outputs["content"] != state["content"]


@pytest.mark.parametrize("lost", ["app.db", "migrated"])
def test_what_is_gone_is_made_again(inputs, database, lost):
    identity, state = create(inputs)
    (database.parent / lost).unlink()
    seen = read(identity, state)
    assert seen["state"] == "missing"
    assert KIND.diff(seen, inputs).changes == {"state": "update"}
    assert KIND.update(identity, seen, inputs, CONTEXT)["state"] == "ready"


def test_a_file_edited_by_hand_is_drift(inputs, database):
    identity, state = create(inputs)
    (database.parent / "step.txt").write_text("mine")
    assert KIND.diff(read(identity, state), inputs).changes == {"content": "update"}


def test_delete_keeps_the_database(inputs, database):
    identity, state = create(inputs)
    KIND.delete(identity, state, CONTEXT)
    assert [path.name for path in database.parent.iterdir()] == ["app.db"]
    create(inputs)
    assert steps(database) == ["a", "a"]


def test_a_migration_that_fails_half_way_leaves_the_old_database(inputs, database):
    identity, state = create(inputs)
    half = (
        "import sqlite3\n"
        "c = sqlite3.connect('app.db.draft')\n"
        "c.execute('drop table migrations')\n"
        "c.commit()\n"
        "raise SystemExit('disk full')\n"
    )
    with pytest.raises(PlatformError, match=r"(?s)app: exited with status 1;.*\| disk full$"):
        KIND.update(identity, state, script(inputs, half), CONTEXT)
    assert steps(database) == ["a"]
    assert read(identity, state)["state"] == "missing"
    KIND.update(identity, state, inputs, CONTEXT)
    assert steps(database) == ["a", "a"]
    assert not (database.parent / "app.db.draft").exists()


def test_a_first_migration_that_was_killed_starts_over(inputs, database):
    """What the kill left: a draft with half of the tables, and no marker."""
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(f"{database}.draft")) as connection:
        connection.execute("create table migrations (other text)")
    create(inputs)
    assert steps(database) == ["a"]


def test_what_a_killed_user_left_in_the_log_is_kept(inputs, database):
    identity, state = create(inputs)
    killed = (
        "import os, sqlite3\n"
        f"c = sqlite3.connect({str(database)!r})\n"
        "c.execute(\"insert into migrations values ('by a user')\")\n"
        "c.commit()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    import subprocess

    subprocess.run([sys.executable, "-c", killed])
    assert database.with_name("app.db-wal").exists()
    KIND.update(identity, state, inputs, CONTEXT)
    assert steps(database) == ["a", "by a user", "a"]


def test_its_users_are_stopped(inputs, database, tmp_path):
    folder = tmp_path / "platform" / "local"
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    user = {"name": "server", "folder": str(folder), "command": sleeper}
    try:
        Handler(ProcessKind()).create(user, OperationContext("server"))
        identity, state = create(inputs)
        assert Supervisor(folder).pid("server")
        KIND.update(identity, state, {**inputs, "users": ["server", "absent"]}, CONTEXT)
        assert Supervisor(folder).pid("server") is None
    finally:
        Supervisor(folder).shut_down()


def test_what_is_no_database_is_named(inputs, database):
    database.parent.mkdir(parents=True)
    database.write_text("by mistake" * 100)
    with pytest.raises(PlatformError, match=r"app\.db: no SQLite database can be read"):
        create(inputs)
    assert database.read_text() == "by mistake" * 100


def test_a_command_that_makes_nothing(inputs):
    with pytest.raises(PlatformError, match=r"app\.db\.draft: the command ended well and made no"):
        create(script(inputs, ""))


def test_it_is_ended_when_it_takes_too_long_or_is_cancelled(inputs, database):
    slow = script(inputs, "import time; time.sleep(600)")
    with pytest.raises(PlatformError, match="app: not done after 1 s"):
        KIND.create({**slow, "timeout": 1}, CONTEXT)
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(PlatformError, match="app: interrupted"):
        KIND.create(slow, OperationContext("app", 0, cancelled))
    assert process_trees.marked(str(database.parent)) == set()


def test_check_and_preview_bear_unknowns(inputs):
    assert KIND.check({**inputs, "environment": {"A": UNKNOWN}}) == []
    assert KIND.preview(None, {**inputs, "environment": {"A": UNKNOWN}}) == {"state": "ready"}
    failures = KIND.check({**inputs, "files": {"a": "{port:http}"}})
    assert [failure.property for failure in failures] == ["ports"]
