"""A module that is run as a program, and ends without being taken apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from atlas_provider import launch

HEAD = "import atexit, os, signal, sys, threading, time\n"


def run(folder: Path, source: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(HEAD + source)
    command = [sys.executable, "-m", "atlas_provider.quick_exit", "program", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("pass", 0),
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit(-1)", 255),
        ("sys.exit('wrong')", 1),
        ("1 / 0", 1),
        ("raise KeyboardInterrupt", 130),
    ],
)
def test_the_exit_code_is_the_programs(tmp_path: Path, source: str, code: int) -> None:
    assert run(tmp_path, source).returncode == code


def test_an_error_is_told(tmp_path: Path) -> None:
    assert "ZeroDivisionError" in run(tmp_path, "1 / 0").stderr
    assert run(tmp_path, "sys.exit('wrong')").stderr == "wrong\n"


def test_it_is_the_main_module_with_its_own_arguments(tmp_path: Path) -> None:
    done = run(
        tmp_path, "print(__name__, sys.argv[1:], sys.modules['__main__'].HERE)\nHERE = 1", "a"
    )
    assert done.returncode == 1
    done = run(
        tmp_path, "HERE = 1\nprint(__name__, sys.argv[1:], sys.modules['__main__'].HERE)", "a"
    )
    assert done.stdout == "__main__ ['a'] 1\n"


def test_handlers_threads_and_buffers_are_ended_and_objects_are_left(tmp_path: Path) -> None:
    source = (
        "class Slow:\n    def __del__(self): print('taken apart')\n"
        "kept = Slow()\nsys.modules['kept'] = kept\n"
        "atexit.register(lambda: print('handler'))\n"
        "def late():\n    time.sleep(0.2)\n    print('thread')\n"
        "threading.Thread(target=late).start()\n"
        "sys.stdout.write('written ')\n"
    )
    assert run(tmp_path, source).stdout == "written thread\nhandler\n"


def test_a_fork_ends_as_it_would_have(tmp_path: Path) -> None:
    source = (
        "pid = os.fork()\n"
        "if pid == 0:\n    sys.exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = run(tmp_path, source)
    assert (done.stdout, done.returncode) == ("7\n", 0)


def test_a_signal_that_the_program_handles_ends_it_its_own_way(tmp_path: Path) -> None:
    source = (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "open('ready', 'w').close()\ntime.sleep(600)\n"
    )
    (tmp_path / "program.py").write_text(HEAD + source)
    command = [sys.executable, "-m", "atlas_provider.quick_exit", "program"]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(200) == 5


ORPHAN = """
import multiprocessing
def wait():
    time.sleep(600)
def end(*_):
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
if __name__ == "__main__":
    multiprocessing.get_context("fork").Process(target=wait).start()
    print(os.getpid(), flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a process of its parent's end"
)
def test_a_program_whose_supervisor_was_killed_ends_with_its_processes(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(HEAD + ORPHAN)
    command = [sys.executable, "-m", "atlas_provider.quick_exit", "program"]
    program = {"directory": str(tmp_path), "environment": {}, "command": command}
    (tmp_path / "program.json").write_text(json.dumps(program))
    start = (
        f"import subprocess, sys; subprocess.Popen({launch.command(tmp_path / 'program.json')!r}, "
        "start_new_session=True).wait()"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout
    group = int(supervisor.stdout.readline())
    try:
        supervisor.kill()
        # The program's own process has the pipe as well: this ends when both have.
        assert supervisor.stdout.read() == ""
    finally:
        supervisor.wait()
        supervisor.stdout.close()
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
