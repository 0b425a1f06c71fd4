from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atlas_toolchain import cache


def test_the_cache_is_where_xdg_says(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.root() == machine / "cache" / "atlas"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(machine))
    assert cache.root() == machine / ".cache" / "atlas"


def test_scratch_is_gone_afterwards_and_removes_what_a_crash_left() -> None:
    left = cache.root() / ".new-crashed"
    left.mkdir(parents=True)
    with cache.scratch() as folder:
        (folder / "x").touch()
        assert not left.exists()
    assert list(cache.root().iterdir()) == []


def test_place_moves_whole_executables(machine: Path) -> None:
    file = machine / "tool"
    file.write_text("x")
    cache.place([file], machine / "a" / "bin")
    assert os.access(machine / "a" / "bin" / "tool", os.X_OK)
    assert not file.exists()


def test_a_refusal_is_remembered_for_a_day_or_until_it_is_got(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache.remember("pulumi", "no network")
    cache.remember("dot", "no package")
    assert cache.refusals() == {"pulumi": "no network", "dot": "no package"}
    cache.remember("dot", "")
    assert cache.refusals() == {"pulumi": "no network"}
    later = time.time() + cache.MEMORY + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert cache.refusals() == {}


def test_a_broken_file_is_as_none() -> None:
    cache.remember("x", "y")
    (cache.root() / "refused.json").write_text("{half")
    assert cache.refusals() == {}


def test_who_waits_for_a_lock_is_told(machine: Path) -> None:
    code = (
        "from atlas_toolchain import cache; from pathlib import Path\n"
        f"with cache.locked(Path({str(machine)!r}), lambda: print('waiting', flush=True)):\n"
        "    print('mine', flush=True)\n"
    )
    with cache.locked(machine):
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "waiting\n"
    assert other.communicate(timeout=200)[0] == "mine\n"
