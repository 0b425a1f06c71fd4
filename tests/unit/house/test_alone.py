"""No unit test starts a process or a server; what enforces it is `tests/alone.py`."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests import alone


def run_program() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def run_in_shell() -> None:
    os.system("true")


def fork() -> None:
    if not os.fork():
        os._exit(0)


def spawn() -> None:
    multiprocessing.get_context("spawn").Process(target=print).start()


def serve() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()


STARTS = [run_program, run_in_shell, fork, spawn, serve]


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__)
def test_a_unit_test_can_not_start_it(start: Callable[[], None]) -> None:
    alone.begin()
    with pytest.raises(alone.NotAloneError, match=r"belong in tests/integration"):
        start()
    assert alone.end()


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__)
def test_a_refusal_that_is_caught_is_still_known(start: Callable[[], None]) -> None:
    alone.begin()
    with suppress(Exception):
        start()
    assert len(alone.end()) == 1


def test_a_unit_test_is_refused_it_without_asking() -> None:
    with pytest.raises(alone.NotAloneError):
        run_program()
    alone.end()
    alone.begin()
