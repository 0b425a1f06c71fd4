"""Profiles and the drift test: what they cost, how often they are wrong, and what they see."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

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
STREAMS = int(os.environ.get("STREAMS", "400"))
"""Quiet streams that are drawn: 2,000 take eight minutes."""
LOOKS, FEATURES, ROWS = 100, 50, 1000


def run() -> list[Row]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        # The file first: Linux counts what its parent had as a child's own memory.
        return [*_million(folder), *_table(), *_stored(), *_power(), *_quiet()]


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
    return [at_most("100,000 rows of 50 columns: profile and check", took, 0.6, "s")]


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


def _power() -> list[Row]:
    """Measure how often a shift of one feature of 50 is seen."""
    half = _seen(0.5, 1)
    quarter = _seen(0.25, 3)
    return [
        at_most("a shift of .5 sd missed by 1 batch of 1,000", 1.0 - half, 0.01, "share"),
        at_most("a shift of .25 sd missed by 3 batches", 1.0 - quarter, 0.05, "share"),
    ]


def _seen(shift: float, within: int, times: int = 1000) -> float:
    import numpy

    from atlas.monitor.budget import Budget
    from atlas.monitor.drift import DriftRule, look
    from atlas.profiles.measure import batch, reference
    from atlas.profiles.profile import Feature, Profile

    random = numpy.random.default_rng(4)
    beside = reference({"f0": random.standard_normal(100_000)})
    # Quiet features cost a share of the risk; what they hold doesn't matter here.
    first = beside.features["f0"]
    others = {f"f{number}": _named(first, f"f{number}") for number in range(1, 50)}
    whole, rule = Profile({**beside.features, **others}), DriftRule(Budget(0.01))

    def made(mean: float) -> Profile:
        counted: Feature = batch({"f0": random.standard_normal(1000) + mean}, beside).features["f0"]
        return Profile({"f0": counted})

    seen = 0
    for _ in range(times):
        batches = [made(0.0)]
        for number in range(within):
            batches.append(made(shift))
            if look(whole, batches, 50 + number, rule).alarms:
                seen += 1
                break
    return seen / times


def _named(feature: object, name: str) -> object:
    from dataclasses import replace

    return replace(feature, name=name)  # type: ignore[type-var]


def _quiet() -> list[Row]:
    """Measure how many quiet streams have an alarm: the distance of uniform numbers is that of all.

    The reference of a stream has 1,000 rows, shared by its looks. Features are independent, which is the worst case of the union
    bound; missing values are none.
    """
    import numpy

    from atlas.monitor import bounds
    from atlas.monitor.budget import MISSING, Budget
    from atlas.monitor.drift import WINDOWS

    random, budget, one = numpy.random.default_rng(5), Budget(0.01, LOOKS), numpy.ones(1)
    share = 1.0 - MISSING
    noise = bounds.distribution(one * ROWS, share * budget.reference / FEATURES, mixed=True)[0]
    limits = {
        window: noise
        + bounds.distribution(
            one * ROWS * window, share * budget.at(1) / FEATURES / len(WINDOWS), mixed=False
        )[0]
        for window in WINDOWS
    }
    wrong = sum(_alarms(random, limits) for _ in range(STREAMS))
    return [
        at_most(f"quiet streams of {STREAMS} with an alarm", wrong / STREAMS, 0.01, "share"),
        shown("the same, as promised at most", 0.01, "share"),
    ]


def _alarms(random: object, limits: dict[int, float]) -> bool:
    """Tell whether one of 50 features of a quiet stream alarms at one of 100 looks."""
    import numpy

    # The rows of the reference cut the unit interval into pieces; a batch's rows fall into them as often as they are long.
    gaps = random.standard_exponential((FEATURES, ROWS + 1))  # type: ignore[attr-defined]
    pieces = gaps / gaps.sum(axis=1, keepdims=True)
    expected = numpy.arange(1, ROWS + 1) / ROWS
    for feature in pieces:
        counts = random.multinomial(ROWS, feature, size=LOOKS)[:, :-1]  # type: ignore[attr-defined]
        below = numpy.cumsum(numpy.cumsum(counts, axis=1), axis=0)
        for window, limit in limits.items():
            last = below[window - 1 :].copy()
            last[1:] -= below[: len(below) - window]
            if numpy.abs(last / (ROWS * window) - expected).max() > limit:
                return True
    return False
