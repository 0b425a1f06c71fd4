"""Locks of Pulumi's file backend."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from atlas_deploy.stacks.locks import await_unlocked, locks

LONG_AGO = "2026-01-02T03:04:05.678901234Z"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "locks" / "organization" / "atlas" / "local"
    folder.mkdir(parents=True)
    return folder


def a_lock(folder, pid, host=None, name="a", since=""):
    since = since or f"{datetime.now(UTC).isoformat()[:-6]}Z"
    raw = {"pid": pid, "username": "me", "hostname": host or socket.gethostname()}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**raw, "timestamp": since}))
    path.with_name(f"{name}.json.attrs").write_text("{}")
    return path


@pytest.fixture
def engine(tmp_path):
    """A process that is called `pulumi`."""
    path = tmp_path / "pulumi"
    shutil.copy(shutil.which("sleep"), path)
    with subprocess.Popen([path, "600"]) as process:
        while Path(f"/proc/{process.pid}/comm").read_text() != "pulumi\n":
            time.sleep(0.01)
        yield process
        process.kill()


def a_dead_pid():
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


def test_there_is_no_lock(tmp_path):
    assert await_unlocked(tmp_path / "absent", 0, print) == []


def test_a_dead_holders_lock_is_removed(folder):
    a_lock(folder, a_dead_pid())
    assert await_unlocked(folder, 0, print) == []
    assert list(folder.iterdir()) == []


def test_a_pid_that_is_another_program_now_holds_nothing(folder):
    a_lock(folder, os.getpid())
    assert await_unlocked(folder, 0, print) == []


def test_an_engine_that_began_after_the_lock_has_only_got_the_pid(folder, engine):
    a_lock(folder, engine.pid, since=LONG_AGO)
    (lock,) = locks(folder)
    assert not lock.is_alive()
    assert await_unlocked(folder, 0, print) == []
    assert list(folder.iterdir()) == []


def test_a_living_engine_is_waited_for_and_told_of(folder, engine):
    path = a_lock(folder, engine.pid)
    said = []
    (held,) = await_unlocked(folder, 0.5, said.append)
    assert path.exists()
    assert str(held).startswith(f"process {engine.pid} of me on {socket.gethostname()}, since 20")
    assert said == [f"waiting for another update ({held})"]


def test_the_wait_ends_with_the_lock(folder, engine):
    path = a_lock(folder, engine.pid)
    threading.Timer(0.5, path.unlink).start()
    assert await_unlocked(folder, 200, lambda line: None) == []


def test_a_lock_of_another_host_is_never_broken(folder):
    path = a_lock(folder, a_dead_pid(), host="elsewhere")
    assert len(await_unlocked(folder, 0, lambda line: None)) == 1
    assert path.exists()


CUT_OFF = ["", "{", "[]", '{"pid": 1}']


@pytest.mark.parametrize("name", ["x.json", "x.json.18bd0e6f2c4a.tmp"])
@pytest.mark.parametrize("content", CUT_OFF)
def test_a_lock_that_was_cut_off_goes_once_nobody_can_be_writing_it(folder, name, content):
    path = folder / name
    path.write_text(content)
    (held,) = await_unlocked(folder, 0, print)
    assert str(held) == "an unknown process"
    assert not held.is_alive()
    os.utime(path, (time.time() - 11,) * 2)
    assert await_unlocked(folder, 0, print) == []
    assert list(folder.iterdir()) == []


def test_a_draft_of_a_lock_holds_as_long_as_its_writer_lives(folder, engine):
    path = a_lock(folder, engine.pid)
    path = path.rename(path.with_name("a.json.18bd0e6f2c4a.tmp"))
    assert len(await_unlocked(folder, 0, print)) == 1
    engine.kill()
    engine.wait()
    assert await_unlocked(folder, 0, print) == []


def test_a_lock_of_no_moment_is_none_that_can_be_trusted(folder):
    a_lock(folder, 1, name="z", since="yesterday")
    assert [lock.pid for lock in locks(folder)] == [0]
