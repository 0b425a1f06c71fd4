"""Operations on one deployment at a time, and whether a look is still good."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from types import SimpleNamespace

import pytest

from atlas_deploy.apply import locks
from atlas_deploy.apply.locks import number_of, turn


@pytest.fixture
def deployment(tmp_path):
    project = SimpleNamespace(state=tmp_path / "state")
    return SimpleNamespace(project=project, stack="shop.local")


def test_a_look_is_good_until_somebody_had_the_lock(deployment):
    assert number_of(deployment) == 0
    assert not deployment.project.state.exists()
    seen = number_of(deployment)
    with turn(deployment, print, seen) as is_as_seen:
        assert is_as_seen
    with turn(deployment, print, seen) as is_as_seen:
        assert not is_as_seen
    with turn(deployment, print, number_of(deployment)) as is_as_seen:
        assert is_as_seen
    lock = deployment.project.state / "deploying" / "shop.local.lock"
    assert (lock.stat().st_mode & 0o777, lock.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def hold(deployment, held, release):
    with turn(deployment, print, 0):
        held.set()
        release.wait()


def test_the_second_waits_says_so_and_looks_again(deployment):
    held, release = threading.Event(), threading.Event()
    other = threading.Thread(target=hold, args=(deployment, held, release))
    seen = number_of(deployment)
    other.start()
    held.wait()
    said = []

    def say(line):
        said.append(line)
        release.set()

    with turn(deployment, say, seen) as is_as_seen:
        assert not is_as_seen
    other.join()
    assert said == ["shop.local: another command changes it; waiting for its end"]


def test_a_killed_holder_holds_nothing(deployment, monkeypatch):
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(deployment, held, release))
    holder.start()
    held.wait()
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with turn(deployment, pytest.fail, locks.number_of(deployment)) as is_as_seen:
        assert is_as_seen
