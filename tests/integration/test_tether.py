"""A server of a test ends with the worker that started it, though the worker is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atlas import processes
from tests.tether import tied

ROOT = Path(__file__).parents[2]
WORKER = """
import subprocess, sys, time
from tests.tether import tied
child = subprocess.Popen(tied(["sleep", "600"]), start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not shutil.which("setpriv"), reason="no setpriv, which ties processes")
def test_a_server_does_not_start_for_a_worker_that_has_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "getpid", lambda: 1)
    done = subprocess.run(tied(["echo", "here"]), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.skipif(not shutil.which("setpriv"), reason="no setpriv, which ties processes")
def test_a_killed_worker_leaves_no_server():
    with subprocess.Popen(
        [sys.executable, "-c", WORKER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as worker:
        try:
            server = processes.find(int(worker.stdout.readline()))
            assert server is not None
            assert server.is_alive
        finally:
            worker.send_signal(signal.SIGKILL)
    end = time.monotonic() + 60
    while server.is_alive and time.monotonic() < end:
        time.sleep(0.02)
    assert not server.is_alive
