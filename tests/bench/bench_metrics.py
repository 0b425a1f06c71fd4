"""Metrics: what a run's metrics cost it, with the real Pushgateway; and a table's statistics."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from atlas.metrics.statistics import statistics_of
from atlas.plan import Plan
from atlas.plan.parts import PlanStep
from atlas.step.publishing import published
from atlas.store import Run, Store, open_store
from tests.bench.table import Row, at_most, shown
from tests.servers import free_port, serving

STEPS, COLUMNS, PIPELINES = 20, 50, 100
_COLUMN = {
    "values": 1000, "missing": 1, "infinite": 0, "mean": 0.5, "standard_deviation": 1.5,
    "minimum": -1.5, "maximum": 1.5,
    "quantiles": {"0.01": -1.4, "0.25": -0.5, "0.5": 0.1, "0.75": 0.5, "0.99": 1.4},
}  # fmt: skip


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder)
        rows = list(_pushes(store, Path(folder)))
    return [*rows, *_statistics()]


def _pushes(store: Store, folder: Path) -> list[Row]:
    program = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    if program is None:
        return [shown("no Pushgateway here", 0, "ms")]
    what = f"a run of {STEPS} steps, {COLUMNS} features"
    alone = _milliseconds(lambda number: push(store, f"alone{number}"))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [program, f"--web.listen-address=127.0.0.1:{port}", "--persistence.file="]
    with serving(command, f"{url}/-/ready", folder / "log"):
        os.environ["ATLAS_PUSHGATEWAY_URL"] = url
        try:
            backlog = _milliseconds(lambda number: push(store, f"late{number}"), 1)
            beside_few = _milliseconds(lambda number: push(store, "again", number))
            for number in range(PIPELINES):
                push(store, f"p{number}")
            beside_many = _milliseconds(lambda number: push(store, f"new{number}"))
        finally:
            del os.environ["ATLAS_PUSHGATEWAY_URL"]
    return [
        shown(f"no Pushgateway, {what}", alone, "ms"),
        at_most("pushed, with a backlog of 5 groups", backlog, 100, "ms"),
        at_most("pushed, beside 6 groups", beside_few, 100, "ms"),
        shown(f"pushed, beside {PIPELINES} such groups", beside_many, "ms"),
    ]


def push(store: Store, pipeline: str, number: int = 0) -> None:
    """Publish the metrics of a run that is over."""
    names = [f"s{step}" for step in range(STEPS)]
    plan = Plan(
        pipeline, pipeline, pipeline, "inference", "r", "local", "local",
        tuple(PlanStep(name, "steps:S") for name in names),
    )  # fmt: skip
    minute = f"2026-01-01T00:{number:02}:00+00:00"
    run = Run(f"r{number}", pipeline, "inference", plan.digest, created=minute)
    statistics = {"features": {f"f{column}": _COLUMN for column in range(COLUMNS)}}
    for name in names:
        outcome = {"status": "done", "plan": plan.digest, "metrics": {"a": 1.0}, "seconds": 1.0}
        own = {"statistics": statistics} if name == names[0] else {}
        store.write_outcome(pipeline, run.id, name, {**outcome, **own}, None)
    start = time.perf_counter()
    warnings = published(store, plan, run, {"status": "done", "ended": minute})
    _took.append(1000 * (time.perf_counter() - start))
    if warnings:
        raise RuntimeError(warnings[0])


_took: list[float] = []


def _milliseconds(call: Callable[[int], None], times: int = 5) -> float:
    """Return the median of several pushes."""
    _took.clear()
    for number in range(times):
        call(number)
    return median(_took)


def _statistics() -> list[Row]:
    import numpy
    import pandas

    generator = numpy.random.default_rng(1)
    table = pandas.DataFrame(generator.normal(size=(1_000_000, COLUMNS)))
    start = time.process_time()
    for name in table:
        statistics_of(table[name])
    took = time.process_time() - start
    return [at_most(f"statistics of 1,000,000 rows of {COLUMNS} numbers, CPU", took, 4.0, "s")]
