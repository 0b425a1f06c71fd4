"""Whatever a step or the disk does, a run ends with words, an exit code, and can go on."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.runner import RunSettings
from tests.contract.test_kills import MARK, gone, mark
from tests.projects import project

__all__ = ["mark", "project"]

SOURCE = """
import ctypes
import os
import subprocess
import sys
import time

class Number(NamedTuple):
    number: Any

class Good(Template):
    def run(self) -> Number:
        return Number(1)

class Bad(Template):
    how: str
    def run(self, number: int) -> Number:
        print("to stdout")
        os.write(1, b"past python" + bytes([10]))
        subprocess.run(["echo", "from a child"])
        return getattr(self, self.how)()
    def raises(self):
        raise ValueError("on purpose")
    def exits(self):
        sys.exit(3)
    def leaves(self):
        os._exit(3)
    def segfaults(self):
        ctypes.string_at(0)
    def fills(self):
        hoard = []
        while True:
            hoard.append(bytearray(20_000_000))
            time.sleep(0.01)
    def hangs(self):
        time.sleep(600)
    def forks(self):
        subprocess.Popen(["sleep", "600"])
        return Number(1)
    def flees(self):
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        return Number(1)
    def lies(self):
        return 1
    def forgets(self):
        return None
    def works(self):
        return Number(1)
    def big(self):
        return Number("x" * 2_000_000)
"""


def one(project, how: str, isolate: str = "process", **settings):
    bad = {
        "class": "steps:Bad",
        "params": {"how": how},
        "inputs": {"number": "good.number"},
        **settings,
    }
    after = {"class": "steps:Bad", "params": {"how": "forgets"}, "inputs": {"number": "bad.number"}}
    how_beside = "forks" if isolate == "process" else "works"
    beside = {k: v for k, v in bad.items() if k != "timeout"} | {"params": {"how": how_beside}}
    steps = {
        "good": {"class": "steps:Good"},
        "bad": bad,
        "behind": after,
        "beside": beside,
    }
    project.pipeline("p", SOURCE, steps)
    return project.run(settings=RunSettings(isolate=isolate, jobs=2))


@pytest.mark.parametrize(
    ("how", "words", "settings"),
    [
        ("raises", "ValueError: on purpose", {}),
        ("exits", "called sys.exit(3)", {}),
        ("leaves", "its process ended by itself, with exit code 3", {}),
        ("segfaults", "its process was ended by SIGSEGV", {}),
        ("fills", "of memory, and its resources say 300 MiB", {"resources": {"memory": "300Mi"}}),
        ("hangs", "timed out after 3 s", {"timeout": "3s"}),
        ("lies", "returned a int, expected Number", {}),
        ("forgets", "output 'number' is missing", {}),
    ],
)
def test_only_the_step_dies(project, how, words, settings):
    ran = one(project, how, **settings)
    assert not ran.ok
    assert ran.result.complete
    assert set(ran.errors()) == {"bad"}
    assert words in ran.errors()["bad"]
    assert ran.first.skipped == {"behind": "step bad isn't done"}
    assert ran.outcome("beside").ok
    assert project.store.outcome("p", ran.id, "bad")["status"] == "failed"
    log = project.store.location.read(f"p/{ran.id}/bad/log.txt").decode()
    assert {"past python", "from a child"} <= set(log.splitlines())


@pytest.mark.parametrize("how", ["forks", "flees"])
def test_what_a_step_leaves_behind_is_ended_with_it(project, mark, monkeypatch, how):
    monkeypatch.setenv(MARK, mark)
    ran = one(project, how)
    assert ran.outcome("bad").ok
    assert gone(mark)


@pytest.mark.parametrize("how", ["raises", "exits", "lies", "forgets"])
def test_in_one_process_too(project, how):
    ran = one(project, how, isolate="none")
    assert set(ran.errors()) == {"bad"}
    assert ran.outcome("beside").ok


def test_what_steps_print_never_meets_json(project):
    import json

    bad = {"class": "steps:Bad", "params": {"how": "raises"}, "inputs": {"number": "good.number"}}
    project.pipeline("p", SOURCE, {"good": {"class": "steps:Good"}, "bad": bad})
    done = project.atlas("run", "p", "--json")
    assert done.returncode == 1
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"to stdout", "past python", "from a child"} <= {one.get("text") for one in events}
    assert done.stderr == ""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one mebibyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    command = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk may be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_a_full_disk(project, disk, monkeypatch, isolate):
    monkeypatch.setenv("ATLAS_STORE", disk.as_uri())
    project.url = disk.as_uri()
    ran = one(project, "big", isolate=isolate)
    assert not ran.ok
    error = ran.errors()["bad"]
    assert "no space left on device" in error
    assert "atlas gc" in error
    assert ran.value("good", "number") == 1
    left = [entry.key for entry in project.store.location.entries("p") if "data" in entry.key]
    assert sorted(left) == [f"p/{ran.id}/{name}/number/data.json" for name in ("beside", "good")]
    gc.collect()  # a file that is left open is a warning of this test's


def test_a_read_only_store(project, disk, monkeypatch):
    monkeypatch.setenv("ATLAS_STORE", disk.as_uri())
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    ran = one(project, "raises")
    assert "read-only file system (the store must be writable; ATLAS_STORE" in ran.first.error


def test_a_store_that_is_a_file(project, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ATLAS_STORE", (tmp_path / "file").as_uri())
    ran = one(project, "raises")
    assert "not a directory" in ran.first.error
