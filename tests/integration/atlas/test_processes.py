"""Identities of processes: a pid that is given again is another process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from atlas import processes
from atlas.processes import ProcessIdentity, find, own


@pytest.fixture
def other():
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process


def test_one_that_runs_and_has_ended(other):
    identity = find(other.pid)
    assert identity is not None
    assert identity.is_alive
    other.communicate(b"\n")
    assert not identity.is_alive
    assert find(other.pid) is None


def test_a_zombie_is_no_process(other):
    identity = find(other.pid)
    other.stdin.close()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert find(other.pid) is None
    assert not identity.is_alive


def test_another_start_or_another_boot_is_another_process():
    me = own()
    assert me.is_alive
    assert not replace(me, started=me.started - 1).is_alive
    assert not replace(me, boot="0123456789ab").is_alive


def test_as_text():
    me = own()
    assert ProcessIdentity.parse(str(me)) == me
    for text in ("", "12", "12-34", "x.1.b", "1.x.b", "\u00b2.1.b", f"1.{'9' * 5000}.b"):
        assert ProcessIdentity.parse(text) is None


def test_since_when(other):
    identity = find(other.pid)
    assert abs(identity.moment - time.time()) < 60
    assert identity.was_there(time.time())
    assert not identity.was_there(time.time() - 3600)


def test_without_proc(other, monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "_boot", lambda: "")
    ps = tmp_path / "ps"
    ps.write_text('#!/bin/sh\n[ "$4" = 77 ] || exit 1\necho "Mon Nov 30 07:00:00 2026"\n')
    ps.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find(77)
    assert found.is_alive
    assert found.moment == time.mktime((2026, 11, 30, 7, 0, 0, 0, 0, -1))
    assert not replace(found, started=found.started - 60).is_alive
    assert find(78) is None
    assert ProcessIdentity.parse(str(found)) == found
