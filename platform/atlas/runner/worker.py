"""`python -m atlas.runner.worker`: serves steps, one after the other, as its parent asks for them.

Each line of stdin is a job, each line of the answer its outcome. What a step prints, in Python or
below it, goes to stderr, from which the parent writes the step's log.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from atlas.runner.isolation import run_job
from atlas.runner.streams import PassedLog
from atlas.step import Job
from atlas.store import Run, open_store

if TYPE_CHECKING:
    from atlas.plan import Plan
    from atlas.store import Store


def main() -> None:
    """Serve jobs until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDONLY)
    jobs = os.fdopen(os.dup(0), "rb")
    os.dup2(null, 0)
    os.dup2(2, 1)
    parent = os.dup(2)
    with suppress(OSError):
        # When memory runs out, the kernel is to end this process rather than the one that runs all.
        Path("/proc/self/oom_score_adj").write_text("1000")
    for line in jobs:
        job = _job(json.loads(line))
        outcome = _served(job, parent)
        answers.write(json.dumps(outcome.to_json()).encode() + b"\n")


def _job(raw: dict[str, Any]) -> Job:
    store = open_store(raw["store"])
    plan = _plan(store, raw["plan"])
    return Job(
        store=store,
        plan=plan,
        run=Run.from_json(raw["run"]),
        step=plan.step(raw["step"]),
        folder=Path(raw["folder"]),
        index=raw["index"],
        use_cache=raw["use_cache"],
        previous=raw["previous"],
        adopt=raw["adopt"],
        attempt=raw["attempt"],
    )


@lru_cache(maxsize=16)
def _plan(store: Store, digest: str) -> Plan:
    return store.plan(digest)


def _served(job: Job, parent: int) -> Any:
    """Run a job, and let the parent have all of its output before it has the outcome."""
    sys.stdout, sys.stderr = _stream(1), _stream(2)
    try:
        return run_job(job, PassedLog(parent), bool)
    finally:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            _flush(stream)
        os.dup2(parent, 1)
        os.dup2(parent, 2)


def _stream(descriptor: int) -> TextIO:
    """Return a stream that is whole after every line; a step may close or replace its own."""
    return open(descriptor, "w", 1, encoding="utf-8", errors="replace", closefd=False)


def _flush(stream: TextIO | None) -> None:
    """Flush what a step has left as a standard stream, whatever that is."""
    with suppress(Exception):
        cast("TextIO", stream).flush()


if __name__ == "__main__":
    main()
