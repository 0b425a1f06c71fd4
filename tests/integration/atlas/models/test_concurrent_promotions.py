"""Many promote at once, some of them are killed: one champion, a whole log, never no champion."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from atlas.models import log
from atlas.models.champions import Champions, Ruling
from atlas.models.log_folder import HEAD
from atlas.models.promotion import Candidate, promote
from atlas.store import open_store
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.registry import CHAMPION, ModelRegistration
from tests.servers import platform_mlflow

__all__ = ["platform_mlflow"]

PROGRAM = Path(__file__).with_name("promoting.py")


@pytest.fixture
def champions(mlflow_server: str, tmp_path: Path) -> Champions:
    store = open_store((tmp_path / "store").as_uri())
    return Champions(store, MlflowTracker(mlflow_server), f"m-{tmp_path.name}")


def registered(champions: Champions, count: int) -> list[str]:
    return [
        champions.registry.register(ModelRegistration(champions.model, f"run-{number}", {}))
        for number in range(count)
    ]


def first_champion(champions: Champions, version: str) -> None:
    promote([Candidate(champions, version, lambda _: Ruling(True, "it passes"))])


@dataclass
class Seen:
    """What somebody sees who asks for the champion all the time."""

    versions: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def watched(champions: Champions) -> Iterator[Seen]:
    seen = Seen()

    def watch() -> None:
        while not seen.over.is_set():
            found = champions.registry.find(champions.model, CHAMPION)
            seen.versions.append(found.version if found else "")

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        seen.over.set()
        thread.join()


def started(champions: Champions, versions: list[str]) -> subprocess.Popen[str]:
    url, store = champions.registry.url, champions.store.url
    command = [sys.executable, str(PROGRAM), url, store, champions.model, *versions]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("processes", "threads"),
    [pytest.param(4, 5), pytest.param(20, 10, marks=pytest.mark.long)],
)
def test_concurrent_promotions_leave_one_champion_and_a_whole_log(champions, processes, threads):
    first, *others = registered(champions, processes * threads + 1)
    first_champion(champions, first)
    with watched(champions) as seen:
        running = [
            started(champions, others[start : start + threads])
            for start in range(0, len(others), threads)
        ]
        answers = [line for one in running for line in one.communicate(timeout=500)[0].splitlines()]
    assert sorted(answers) == sorted(f"{version} True" for version in others)
    assert "" not in seen.versions
    assert len(seen.versions) > processes
    entries = list(champions.log.entries())
    promoted = [entry for entry in entries if entry.action == log.PROMOTED]
    assert [entry.version for entry in promoted[:1]] == [first]
    assert sorted(int(entry.version) for entry in promoted[1:]) == sorted(map(int, others))
    assert len(entries) == 2 * len(promoted)
    assert champions.current().version == promoted[-1].version
    for before, after in pairwise(promoted):
        assert after.before == before.version
    assert champions.faults() == []
    assert champions.registry.tag(champions.model, HEAD) == entries[-1].head


def test_processes_that_are_killed_at_any_moment_leave_a_champion(champions):
    first, *others = registered(champions, 9)
    first_champion(champions, first)
    with watched(champions) as seen:
        for number, version in enumerate(others[:-1]):
            process = started(champions, [version])
            time.sleep(0.25 + 0.03 * number)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        first_champion(champions, others[-1])
    assert "" not in seen.versions
    assert champions.current().version == others[-1]
    assert champions.faults() == []
    actions = {entry.action for entry in champions.log.entries()}
    assert actions <= {log.INTENDED, log.PROMOTED, log.UNCONFIRMED}


def test_an_alias_that_is_moved_in_mlflow_is_reported(champions):
    first, second = registered(champions, 2)
    first_champion(champions, first)
    assert champions.faults() == []
    champions.registry.set_alias(champions.model, CHAMPION, second)
    (fault,) = champions.faults()
    assert "it was moved by hand" in fault


def test_a_store_that_was_put_back_to_an_earlier_state_is_reported(champions):
    first, second = registered(champions, 2)
    first_champion(champions, first)
    location = champions.store.location
    before = {entry.key: location.read(entry.key) for entry in location.entries("champions")}
    first_champion(champions, second)
    location.remove("champions")
    for key, content in before.items():
        location.write(key, content)
    (fault,) = champions.faults()
    assert fault.startswith(f"mlflow tag {HEAD}: ")
    first_champion(champions, first)
    assert any("entries are missing" in fault for fault in champions.faults())


def test_entries_of_somebody_who_may_write_the_store_alone_are_reported(champions):
    """They fit the chain, and its head in the store; the registry's doesn't name them."""
    first, second = registered(champions, 2)
    first_champion(champions, first)
    forged = log.LogEntry(log.KEPT, first, second, first, "it is worse", {"user": "somebody else"})
    for _ in range(2):
        champions.log.append(forged)
    (fault,) = champions.faults()
    assert f"mlflow tag {HEAD}: doesn't name the last 2 entries" in fault
    first_champion(champions, second)
    reasons = [e.reason for e in champions.log.entries() if e.action == log.UNCONFIRMED]
    assert len(reasons) == 1
    assert "the registry's head didn't name the last 2 entries before" in reasons[0]
    assert champions.current().version == second


def test_a_head_that_was_removed_from_mlflow_is_reported(champions):
    (first,) = registered(champions, 1)
    first_champion(champions, first)
    payload = {"name": champions.model, "key": HEAD}
    champions.registry.call("DELETE", "registered-models/delete-tag", payload)
    (fault,) = champions.faults()
    assert "doesn't name the last 2 entries: it was removed" in fault


def test_a_version_that_was_deleted_under_its_alias(champions):
    first, second = registered(champions, 2)
    first_champion(champions, first)
    payload = {"name": champions.model, "version": first}
    champions.registry.call("DELETE", "model-versions/delete", payload)
    (fault,) = champions.faults()
    assert "the registry none" in fault
    first_champion(champions, second)
    assert champions.current().version == second
    reasons = [entry.reason for entry in champions.log.entries() if entry.action == log.NOTICED]
    assert reasons == [f"version {first} or its alias was removed by hand"]


def test_two_servers_over_one_store_have_logs_of_their_own(champions, platform_mlflow):
    tracker = MlflowTracker(platform_mlflow.url, str(platform_mlflow.secret))
    other = Champions(champions.store, tracker, champions.model)
    (first,), (second,) = registered(champions, 1), registered(other, 1)
    first_champion(champions, first)
    assert other.current() is None
    first_champion(other, second)
    assert champions.faults() == other.faults() == []
    assert champions.folder != other.folder
    url = champions.registry.url.replace("127.0.0.1", "localhost")
    assert MlflowTracker(url).identity == champions.registry.identity, "the same server"
    assert champions.registry.identity.startswith("mlflow-")
