"""Several stacks at once: how many at a time, what fails, what is said, and how it ends."""

from __future__ import annotations

import threading

import pytest

from atlas.errors import DeployError
from atlas_cli.commands.deploy import require_done
from atlas_deploy.apply import concurrent
from atlas_deploy.apply.concurrent import Progress, at_once


def progress(lines: list[str]) -> Progress:
    return Progress(lines.append, "settled", "deployments")


def test_so_many_at_once_and_no_more():
    running, most, lock, together = set(), [], threading.Lock(), threading.Barrier(3)

    def work(stack: str) -> str:
        with lock:
            running.add(stack)
            most.append(len(running))
        together.wait(60)
        with lock:
            running.discard(stack)
        return stack

    stacks = [f"s{number}" for number in range(9)]
    assert at_once(stacks, work, 3, progress([]), bool) == {stack: stack for stack in stacks}
    assert max(most) == 3


def test_one_that_fails_leaves_the_others():
    def work(stack: str) -> str:
        if stack == "b":
            raise DeployError("no")
        return stack

    found = at_once(["a", "b", "c"], work, 2, progress([]), bool)
    assert str(found.pop("b")) == "no"
    assert found == {"a": "a", "c": "c"}
    with pytest.raises(DeployError, match=r"1 of 2 deployments failed; .*\n  b: no"):
        require_done({"a": "", "b": "no"}, "deploy")
    require_done({"a": "", "b": ""}, "deploy")


def test_a_bug_is_no_failure_of_a_stack():
    def work(stack: str) -> str:
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        at_once(["a", "b"], work, 2, progress([]), bool)


def test_an_interruption_starts_nothing_more_and_waits_for_what_runs():
    begun, over, told, lines = [], [], threading.Event(), []

    def work(stack: str) -> str:
        begun.append(stack)
        if stack == "a":
            return stack
        assert told.wait(60)
        over.append(stack)
        return stack

    class Interrupted(Progress):
        def __call__(self, done: int, of: int) -> None:
            raise KeyboardInterrupt

    telling = Interrupted(lines.append, "settled", "deployments")
    with pytest.raises(KeyboardInterrupt):
        at_once(["a", "b", "c", "d", "e"], work, 2, telling, told.set)
    assert "interrupted" in lines[-1]
    assert sorted(over) == sorted(set(begun) - {"a"}), "what had begun has ended"
    assert len(begun) < 5


def test_it_says_how_many_of_how_many_and_what_is_left(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(concurrent.time, "monotonic", lambda: clock[0])
    lines: list[str] = []
    telling = progress(lines)
    for done in range(1, 11):
        clock[0] += 2.0
        telling(done, 10)
    telling(10, 10)
    assert lines == [
        "settled 3 of 10 deployments, about 14 s left",
        "settled 6 of 10 deployments, about 8 s left",
        "settled 9 of 10 deployments, about 2 s left",
        "settled 10 of 10 deployments (20 s)",
    ]
