"""Retrains in processes that are killed: what `test_retrainings.py` starts.

It has one thread and forks a process for each try, so that a try costs no start of Python.

    python -m tests.contract.retraining_child points STORE RESULT    kill before and after each write
    python -m tests.contract.retraining_child work STORE SEED EVENTS many events, killed at random
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from atlas.monitor.events import TriggerEvent
from atlas.retraining import Retraining, approve, retrain
from atlas.step.versions import registry
from atlas.store import Store, open_store
from atlas.store.folder import FolderLocation
from tests.retrained import pipeline, place

BETTER = {"all": {"quality": 0.9}}


class DeadlyLocation(FolderLocation):
    """A folder in which a process may die before or after any write."""

    dies: Callable[[str], bool] = staticmethod(lambda _: False)

    def _at(self, moment: str) -> None:
        if type(self).dies(moment):
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, key: str, content: bytes) -> None:
        self._at("before")
        super().write(key, content)
        self._at("after")

    def create(self, key: str, content: bytes) -> bool:
        self._at("before")
        created = super().create(key, content)
        self._at("after")
        return created

    def remove(self, key: str) -> None:
        self._at("before")
        super().remove(key)
        self._at("after")

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        self._at("before")
        with super().writing(key) as path:
            yield path
        self._at("after")


def deadly(url: str, dies: Callable[[str], bool]) -> Store:
    location = open_store(url).location
    assert isinstance(location, FolderLocation)
    DeadlyLocation.dies = staticmethod(dies)
    return Store(DeadlyLocation(Path(url.removeprefix("file://"))))


def forked(work: Callable[[], Any]) -> bool:
    """Do some work in a process of its own; tell whether it ended by itself."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "a retraining has raised"
    return True


# Each fault point ---------------------------------------------------------------------------------


def once(store: Store, event: TriggerEvent, ways: dict[str, Any]) -> Retraining:
    """Do what one call of a monitor does, with an approval where one is waited for."""
    rule = pipeline(parameters=BETTER, **ways)
    there = retrain(place(store), rule, event)
    if there.state in ("waiting", "registered"):
        approve(store, event.pipeline, event.id)
        there = retrain(place(store), rule, event)
    return there


def points(url: str, event: TriggerEvent, ways: dict[str, Any]) -> list[dict[str, Any]]:
    """Kill at every fault point, call again, and return what has come of each."""
    folder = Path(url.removeprefix("file://"))
    pristine, end = folder.with_name("pristine"), folder.with_name("end")
    shutil.copytree(folder, pristine)
    found: list[dict[str, Any]] = []
    number, is_over = 0, False
    while not is_over:
        number += 1
        shutil.rmtree(folder)
        shutil.copytree(pristine, folder)
        count = 0

        def dies(_: str, number: int = number) -> bool:
            nonlocal count
            count += 1
            return count == number

        is_over = forked(lambda: once(deadly(url, dies), event, ways))
        assert forked(
            lambda: end.write_text(json.dumps(once(open_store(url), event, ways).to_json()))
        )
        there = json.loads(end.read_text())
        found.append({**facts(open_store(url), event), "end": there, "killed": not is_over})
    return found


def facts(store: Store, event: TriggerEvent) -> dict[str, Any]:
    """Return what the store has of an event's retraining."""
    runs = [run for run in store.runs(event.pipeline) if "-retraining-" in run]
    champion = registry(store).find(event.model, "champion")
    versions = registry(store).versions(event.model)  # type: ignore[attr-defined]
    ledger = json.loads(store.location.read(f"retrainings/{event.pipeline}/ledger.json"))
    return {
        "runs": runs,
        "statuses": [(store.run_outcome(event.pipeline, run) or {}).get("status") for run in runs],
        "champion": champion.version if champion else "",
        "versions": len(versions),
        "starts": len(ledger["starts"]),
    }


# Many events --------------------------------------------------------------------------------------


def work(url: str, seed: int, causes: list[TriggerEvent], job: dict[str, Any]) -> None:
    """Retrain for events in an order of its own, each twice, and be killed so many times."""
    chance = random.Random(seed)
    left = [*causes, *causes]
    chance.shuffle(left)
    killed = 0
    while left:
        batch = left[: chance.randint(1, 40)]
        rate = 0.02 if killed < job["deaths"] else 0.0
        draw = random.Random(chance.random())

        def dies(_: str, rate: float = rate, draw: random.Random = draw) -> bool:
            return draw.random() < rate

        store = deadly(url, dies)
        if forked(lambda batch=batch, store=store: all_of(store, batch, job["rule"])):
            left = left[len(batch) :]
        else:
            killed += 1
            chance.shuffle(left)
    print(f"{killed} kills")


def all_of(store: Store, causes: list[TriggerEvent], rule: dict[str, Any]) -> None:
    for event in causes:
        retrain(place(store), pipeline(event.pipeline, **rule), event)


def main(mode: str, url: str, *arguments: str) -> None:
    job = json.loads(Path(arguments[0]).read_text())
    causes = [TriggerEvent.from_json(raw) for raw in job["causes"]]
    if mode == "points":
        Path(arguments[1]).write_text(json.dumps(points(url, causes[0], job["ways"])))
    else:
        work(url, int(arguments[1]), causes, job)


if __name__ == "__main__":
    main(*sys.argv[1:])
