"""Profiles and the drift test: what they cost, how often they are wrong, and what they see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import peers
from tests.bench.change_points import change_points
from tests.bench.drift_streams import degradation, dependent, power, quiet, whole
from tests.bench.table import Row, at_most, shown

WRITTEN = """
import sys
import numpy, pandas
random = numpy.random.default_rng(2)
names = [f"f{number}" for number in range(50)]
pandas.DataFrame(random.standard_normal((1_000_000, 50)), columns=names).to_parquet(sys.argv[1])
"""
MOSTLY = """
import resource, sys
import numpy, pyarrow
from pyarrow import parquet
from atlas.profiles.measure import reference
class Columns(dict):
    def __init__(self, path):
        self.file = parquet.ParquetFile(path, memory_map=False)
        super().__init__((name, None) for name in self.file.schema_arrow.names)
    def __getitem__(self, name):
        return self.file.read([name]).column(0)
print(len(reference(Columns(sys.argv[1])).features))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
"""


def run() -> list[Row]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        # The file first: Linux counts what its parent had as a child's own memory.
        costs = [*_million(folder), *_table(), *_learnt(), *_stored()]
    streams = (power, quiet, whole, dependent, degradation, change_points)
    return [*costs, *(row for measured in streams for row in measured())]


def _best(what: Callable[[], object], times: int = 3) -> float:
    """Return the least seconds that a function took."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        what()
        took.append(time.perf_counter() - start)
    return min(took)


def _table() -> list[Row]:
    import numpy
    import pandas

    from atlas.monitor.budget import Budget
    from atlas.monitor.drift import DriftRule, look
    from atlas.profiles.measure import batch, reference

    random = numpy.random.default_rng(1)
    names = [f"f{number}" for number in range(50)]
    rows = pandas.DataFrame(random.standard_normal((100_000, 50)), columns=names)
    first, rule = reference(rows), DriftRule(Budget(0.01))
    took = _best(lambda: look(first, [batch(rows, first)], 1, rule))
    both = _best(lambda: look(reference(rows), [batch(rows, first)], 1, rule), 1)
    return [
        at_most("100,000 rows of 50 columns: profile and check", took, 0.6, "s"),
        shown("  the same, with the reference's profile", both, "s"),
        *_evidently(took),
    ]


def _evidently(took: float) -> list[Row]:
    """Return how Atlas's time compares with Evidently's for the same rows, in one run."""
    child = Path(__file__).with_name("evidently_child.py")
    try:
        python = peers.python("evidently")
    except peers.MissingPeerError as error:
        print(f"drift beside Evidently: left out, {error}")
        return []
    done = subprocess.run(
        [python, "-W", "ignore", child, "100000", "50", "2"],
        capture_output=True,
        text=True,
        check=True,
    )
    other = min(json.loads(done.stdout.splitlines()[-1]))
    return [
        shown("  Evidently 0.7, the same", other, "s"),
        at_most("  Atlas's share of that time", took / other, 1 / 25, "x"),
    ]


def _learnt() -> list[Row]:
    """What a training step and an inference step pay: blocks of days, and the checks of a batch."""
    import numpy
    import pandas

    from atlas.monitor.learning import WhatToLearn, learn
    from atlas.monitor.quality import breaches
    from atlas.monitor.quality_rule import QualityRule
    from atlas.profiles.measure import batch

    random = numpy.random.default_rng(5)
    names = tuple(f"f{number}" for number in range(50))
    rows = pandas.DataFrame(random.standard_normal((100_000, 50)), columns=names)
    days = pandas.to_timedelta(numpy.arange(len(rows)) * 315, unit="s")
    rows["day"] = pandas.Timestamp("2026-01-01") + days
    what = WhatToLearn("load.rows", names, ("day",), every=86_400.0)
    profile, known, _ = learn(rows, what)
    later = batch({name: rows[name] for name in names}, profile)
    both, rule = (profile, known), QualityRule()
    took = _best(lambda: breaches("features", later, both, rule, rows=len(rows)))
    return [
        at_most(
            "learning of 100,000 rows of 50 columns, in blocks",
            _best(lambda: learn(rows, what)),
            2.0,
            "s",
        ),
        at_most("checking the quality of a batch of 50 columns", took * 1000.0, 100, "ms"),
    ]


def _million(folder: str) -> list[Row]:
    path = os.path.join(folder, "rows.parquet")
    subprocess.run([sys.executable, "-c", WRITTEN, path], check=True)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MOSTLY, path], capture_output=True, text=True, check=True
    )
    took = time.perf_counter() - start
    return [
        at_most("1,000,000 rows of 50 columns of a file, one pass", took, 5.0, "s"),
        at_most("its most memory", float(done.stdout.split()[1]), 500, "MB"),
    ]


def _stored() -> list[Row]:
    import numpy
    import pandas

    from atlas.monitor.budget import Budget
    from atlas.monitor.drift import DriftRule, look
    from atlas.profiles.codec import digest, from_bytes, to_bytes
    from atlas.profiles.measure import batch, reference

    random = numpy.random.default_rng(3)
    names = [f"f{number}" for number in range(500)]

    def rows(count: int) -> pandas.DataFrame:
        return pandas.DataFrame(random.standard_normal((count, 500)), columns=names)

    first, rule = reference(rows(20_000)), DriftRule(Budget(0.01))
    key = digest(first)
    stored = [to_bytes(batch(rows(1000), first), key) for _ in range(8)]
    whole = to_bytes(first)

    def check() -> None:
        beside = from_bytes(whole)
        own = digest(beside)
        look(beside, [from_bytes(raw, beside, own) for raw in stored], 8, rule)

    return [at_most("500 features on stored profiles, 8 batches", _best(check) * 1000, 200, "ms")]
