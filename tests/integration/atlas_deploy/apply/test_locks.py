"""Operations on one deployment at a time, and whether what was read is still valid."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from types import SimpleNamespace

import pytest

from atlas_deploy.apply import locks
from atlas_deploy.apply.locks import lock, number_of


@pytest.fixture
def deployment(tmp_path):
    project = SimpleNamespace(state=tmp_path / "state")
    return SimpleNamespace(project=project, stack="shop.local")


def test_what_was_read_is_valid_until_somebody_had_the_lock(deployment):
    assert number_of(deployment) == 0
    assert not deployment.project.state.exists()
    known = number_of(deployment)
    with lock(deployment, print, known) as is_current:
        assert is_current
    with lock(deployment, print, known) as is_current:
        assert not is_current
    with lock(deployment, print, number_of(deployment)) as is_current:
        assert is_current
    file = deployment.project.state / "deploying" / "shop.local.lock"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def hold(deployment, held, release):
    with lock(deployment, print, 0):
        held.set()
        release.wait()


def test_the_second_waits_says_so_and_reads_again(deployment):
    held, release = threading.Event(), threading.Event()
    other = threading.Thread(target=hold, args=(deployment, held, release))
    known = number_of(deployment)
    other.start()
    held.wait()
    said = []

    def say(line):
        said.append(line)
        release.set()

    with lock(deployment, say, known) as is_current:
        assert not is_current
    other.join()
    assert said == ["shop.local: waiting for another command that changes it"]


def test_a_killed_holder_holds_nothing(deployment, monkeypatch):
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(deployment, held, release))
    holder.start()
    held.wait()
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with lock(deployment, pytest.fail, locks.number_of(deployment)) as is_current:
        assert is_current
