"""`python -m atlas.runner.worker`: serves steps, one after the other, as its parent asks for them.

Each line of stdin is a job, each line of stdout an answer. What a step prints, in Python or below
it, goes to stderr, from which the parent writes the step's log.

A step runs in a process of its own, forked from this one, which imports libraries and does nothing
else: so every step begins with a process that no other step has touched, and no library is
imported twice. Where forking isn't safe, the worker runs the one step itself, and ends.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from atlas.runner import forking, procs
from atlas.runner.isolation import run_job
from atlas.runner.streams import PassedLog
from atlas.runner.workers import ALONE
from atlas.step import Job, code
from atlas.step.leaving import leave
from atlas.step.libraries import Imported, import_again, import_libraries
from atlas.step.reach import reached_digest
from atlas.store import Run, open_store

if TYPE_CHECKING:
    from typing import TextIO

    from atlas.plan import Plan
    from atlas.store import Store


def main() -> None:
    """Serve the parent that has started this program."""
    serve()


def serve() -> None:
    """Serve jobs until stdin ends; descriptors 0, 1 and 2 are jobs, answers and the log."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    jobs = os.fdopen(os.dup(0), "rb")
    _own_streams()
    known: dict[str, str] = {}
    forks = forking.adopt_orphans()
    for line in jobs:
        raw = json.loads(line)
        _prepare(raw, known)
        if not forks or not forking.is_single():
            _answer(answers, ALONE)
            answer = _run(raw)
            leave(0, partial(_answer, answers, answer))
        answer = forking.in_child(partial(_run, raw))
        procs.end_children()
        known |= answer.pop("modules", {})
        _answer(answers, answer)


def _answer(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")


def _own_streams() -> None:
    """Make the standard streams what those of a script are, with the log behind them."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdin = sys.__stdin__ = _stream(0, "r")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _stream(1, "w")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, "w")  # type: ignore[misc]


def _stream(descriptor: int, mode: str) -> Any:
    """Return a stream of text that is whole after every line."""
    return open(descriptor, mode, 1, encoding="utf-8", errors="replace", closefd=False)


def _prepare(raw: dict[str, Any], known: dict[str, str]) -> None:
    """Import what the step will need, here, where it is imported only once."""
    with suppress(Exception):
        module = raw["class"].partition(":")[0]
        import_libraries(Path(raw["folder"]), module)
        import_again(known)
        if raw["store"].startswith("file:"):
            plan = _plan(open_store(raw["store"]), raw["plan"])
            reached_digest(Path(raw["folder"]), module, plan.code if plan.digest else "")


def _run(raw: dict[str, Any]) -> dict[str, Any]:
    """Run a job, and tell its outcome and what it has imported."""
    log = os.dup(2)
    forking.fresh_chances()
    imported = Imported()
    try:
        outcome = run_job(_job(raw), PassedLog(log), bool)
    finally:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            _flush(stream)
    return {"outcome": outcome.to_json(), "modules": imported.names(code.__name__)}


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


def _flush(stream: TextIO | None) -> None:
    """Flush what a step has left as a standard stream, whatever that is."""
    with suppress(Exception):
        cast("TextIO", stream).flush()


if __name__ == "__main__":
    main()
