"""The small parts of the runner: steps that are free, signals, memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from atlas.runner.frontier import Frontier
from atlas.runner.interrupts import Interrupt, interruptible
from atlas.runner.procs import Watch, children, end, resident


def test_a_frontier():
    frontier = Frontier({"a": [], "b": ["a"], "c": ["a", "b"], "d": ["c"]})
    assert frontier.first() == ["a"]
    assert frontier.behind("a") == ["b", "c", "d"]
    assert frontier.freed_by("a") == ["b"]
    assert frontier.freed_by("b") == ["c"]
    assert frontier.freed_by("c") == ["d"]


def test_signals_are_said_and_put_back():
    said: list[Interrupt] = []
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with interruptible(said.append):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert said == [Interrupt(), Interrupt(at_once=True)]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_processes():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        assert child.pid in children(os.getpid())
        assert resident(child.pid) > 0
        assert Watch(child.pid, None).excess() == ""
        assert "raise resources.memory" in Watch(child.pid, 1, alone=True).excess()
        end([child.pid])
        assert child.wait() == -signal.SIGKILL
    assert resident(child.pid) == 0
    end([child.pid])
