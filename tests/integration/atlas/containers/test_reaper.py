"""Containers of a process that is killed are ended by another one; the engine here is a script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atlas.containers import ContainerEngine, container_name
from atlas.containers.reaper import Reaper, reap

# Its containers are files of a folder.
SCRIPT = """#!/bin/sh
echo "$*" >> log
case "$1" in
  ps) ls there ;;
  rm) rm -f "there/$4" ;;
esac
"""
PARENT = """
import sys, time
from pathlib import Path
from atlas.containers import ContainerEngine, container_name
from atlas.containers.reaper import Reaper
engine = ContainerEngine("podman", sys.argv[1], folder=Path(sys.argv[2]))
reaper = Reaper(engine)
Path(sys.argv[2], "there", container_name(engine, 1)).touch()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def engine(tmp_path: Path) -> ContainerEngine:
    program = tmp_path / "podman"
    program.write_text(SCRIPT)
    program.chmod(0o755)
    (tmp_path / "there").mkdir()
    return ContainerEngine("podman", str(program), folder=tmp_path)


def there(engine: ContainerEngine) -> list[str]:
    return sorted(path.name for path in (engine.folder / "there").iterdir())


@pytest.mark.parametrize("whole_group", [False, True])
def test_a_killed_process_leaves_no_container(engine, whole_group):
    other = container_name(engine, 7)
    (engine.folder / "there" / other).touch()
    (engine.folder / "there" / "somebody-elses").touch()
    command = [sys.executable, "-c", PARENT, engine.program, str(engine.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout.readline() == b"ready\n"
        assert len(there(engine)) == 3
        (os.killpg if whole_group else os.kill)(parent.pid, signal.SIGKILL)
    end = time.monotonic() + 60
    while there(engine) != sorted([other, "somebody-elses"]):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_one_that_starts_late_is_found(engine, monkeypatch):
    """A client that was starting a container when its caller was killed goes on by itself."""
    monkeypatch.setattr("atlas.containers.reaper._PATIENCE", 2.0)
    monkeypatch.setattr("atlas.containers.reaper._PAUSE", 0.01)
    late = "sleep 0.5; touch there/atlas-x-1-1"
    with subprocess.Popen(["/bin/sh", "-c", late], cwd=engine.folder):
        monkeypatch.chdir(engine.folder)
        reap(engine, "atlas-x-1-")
    assert there(engine) == []


def test_an_orderly_end_asks_nothing_of_the_engine(engine):
    reaper = Reaper(engine)
    (engine.folder / "there" / container_name(engine, 1)).touch()
    reaper.close()
    assert reaper._process.returncode == 0
    assert len(there(engine)) == 1
    assert not (engine.folder / "log").exists()
