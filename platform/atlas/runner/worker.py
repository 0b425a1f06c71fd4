"""`python -m atlas.runner.worker`: serves steps, one after the other, as its parent asks for them.

Each line of stdin is a job, each line of the answer its outcome. What a step prints, in Python or
below it, goes to the step's log.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.runner.isolation import run_job
from atlas.runner.streams import LOG
from atlas.step import Job
from atlas.store import FilePlace, Run, open_store, unit_key

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
    with suppress(OSError):
        # When memory runs out, the kernel is to end this process rather than the one that runs all.
        Path("/proc/self/oom_score_adj").write_text("1000")
    for line in jobs:
        job = _job(json.loads(line))
        outcome = _served(job)
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


def _served(job: Job) -> Any:
    """Run a job with this process's output in its log."""
    log, place = _log(job)
    kept = os.dup(1), os.dup(2)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        return run_job(job, _ignore, bool)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for own, standard in zip(kept, (1, 2), strict=True):
            os.dup2(own, standard)
            os.close(own)
        _close(job, log, place)


def _ignore(line: str) -> None:
    """Echo nothing: the log has it."""


def _log(job: Job) -> tuple[int, Path | None]:
    """Open the job's log; for a store that isn't a folder, a file without a name."""
    key = f"{unit_key(*job.address, job.index)}/{LOG}"
    if not isinstance(job.store.place, FilePlace):
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno()), None
    path = job.store.place.local(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    return os.open(path, flags, 0o666), path


def _close(job: Job, log: int, path: Path | None) -> None:
    """Close the log, and keep it unless nothing was written."""
    size = os.fstat(log).st_size
    if path is not None and not size:
        path.unlink(missing_ok=True)
    elif path is None and size:
        content = os.pread(log, size, 0)
        job.store.place.write(f"{unit_key(*job.address, job.index)}/{LOG}", content)
    os.close(log)


if __name__ == "__main__":
    main()
