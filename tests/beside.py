"""Packages that tests need beside what is locked: in a folder of the user's cache, by a lock of their own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def installed(lock: Path) -> Path:
    """Return a folder with the packages that a file pins, and none that they need; made once.

    The test is skipped where they can't be had.
    """
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "atlas" / "tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"{lock.stem}-{digest}"
    with (cache / lock.name).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not folder.exists():
            _install(lock, folder)
    return folder


def _install(lock: Path, folder: Path) -> None:
    half = folder.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    program = Path(sys.executable).with_name("uv")
    words = ("pip", "install", "--no-deps", "--require-hashes", "--compile-bytecode")
    command = [program, *words, "--python", sys.executable, "--target", half, "-r", lock]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        pytest.skip(f"what {lock.name} pins can't be had: {done.stderr[-300:]}")
    half.rename(folder)
