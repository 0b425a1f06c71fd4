"""A small process beside one that runs containers: it ends them when that one is killed.

It waits at a pipe. A process that ends in order says so there; one that was killed can't, and then
the pipe just ends. It has a session of its own, so that what kills a process group spares it.

`python -m atlas.containers.reaper ENGINE PROGRAM PREFIX`
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.containers.engine import ContainerEngine
from atlas.containers.running import names_of, own_prefix, stop_container

if TYPE_CHECKING:
    from collections.abc import Sequence

_DONE = b"."
_PAUSE, _PATIENCE = 0.5, 10.0
"""Seconds between looks, and until no more containers are looked for: a client that was just
starting one outlives who called it."""


class Reaper:
    """The process that ends this one's containers if it can't do so itself."""

    def __init__(self, engine: ContainerEngine) -> None:
        """Start it."""
        words = (engine.name, engine.program, own_prefix(engine))
        self._process = subprocess.Popen(  # noqa: S603 - a list, no shell
            [sys.executable, "-P", "-m", __name__, *words],
            env=engine.variables(),
            cwd=engine.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Tell it that no container is left, and wait for its end."""
        with contextlib.suppress(OSError):
            self._process.communicate(_DONE)


def main(words: Sequence[str]) -> None:
    """Wait for the end of who started this, and end the containers that it left."""
    name, program, prefix = words
    if sys.stdin.buffer.read() != _DONE:
        reap(ContainerEngine(name, program, folder=Path.cwd()), prefix)


def reap(engine: ContainerEngine, prefix: str) -> None:
    """End containers by what their names begin with, until none comes any more."""
    last = time.monotonic()
    while time.monotonic() < last + _PATIENCE:
        for name in names_of(engine, prefix):
            stop_container(engine, name)
            last = time.monotonic()
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main(sys.argv[1:])
