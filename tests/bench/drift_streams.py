"""How often the drift test and the bound of the running loss are wrong, and what they see."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.bench.table import Row, at_most, shown

if TYPE_CHECKING:
    pass

STREAMS = int(os.environ.get("STREAMS", "2000"))
"""Quiet streams that are drawn of the statistic; of whole profiles, a fiftieth of that or less."""
LOOKS, FEATURES, ROWS = 100, 50, 1000
PROMISE = 0.01
_COARSE = 50


def quiet() -> list[Row]:
    """Measure how many quiet streams have an alarm: the distance of uniform numbers is that of all.

    The reference of a stream has 1,000 rows, shared by its looks. Features are independent, which
    is the worst case of the union bound; missing values are none.
    """
    import numpy

    from atlas.monitor import bounds
    from atlas.monitor.budget import MISSING, Budget
    from atlas.monitor.drift import WINDOWS

    random, budget, one = numpy.random.default_rng(5), Budget(PROMISE, LOOKS), numpy.ones(1)
    share = 1.0 - MISSING
    noise = bounds.distribution(one * ROWS, share * budget.reference / FEATURES, mixed=True)[0]

    def limit(window: int, reference: float) -> float:
        risk = share * budget.at(1) / FEATURES / len(WINDOWS)
        return reference + float(bounds.distribution(one * ROWS * window, risk, mixed=False)[0])

    ours = {window: limit(window, noise) for window in WINDOWS}
    exact = {window: limit(window, 0.0) for window in WINDOWS}
    seen = [_alarms(random, (ours, exact)) for _ in range(STREAMS)]
    wrong, naive = (sum(column) / STREAMS for column in zip(*seen, strict=True))
    what = f"{STREAMS} quiet streams of {LOOKS} batches x {FEATURES} columns"
    return [
        at_most(f"{what}: share with an alarm", wrong, PROMISE, "share"),
        shown("  the same, were the reference taken for the truth", naive, "share"),
    ]


def _alarms(random: Any, limits: tuple[dict[int, float], ...]) -> tuple[bool, ...]:
    """Tell whether one of the features of a quiet stream alarms at one of its looks.

    The rows of the reference cut the unit interval into pieces; a batch's rows fall into them as
    often as they are long. First into few pieces; a stream that could alarm then into all.
    """
    import numpy

    alarms = [False for _ in limits]
    for _ in range(FEATURES):
        gaps = random.standard_exponential(ROWS + 1)
        pieces = gaps / gaps.sum()
        coarse = numpy.add.reduceat(pieces, range(0, ROWS + 1, _COARSE))
        counts = random.multinomial(ROWS, coarse, size=LOOKS)
        ends = numpy.minimum(numpy.arange(_COARSE, ROWS + _COARSE + 1, _COARSE), ROWS) / ROWS
        near = _distances(counts, ends)
        possible = [any(near[w] + _COARSE / ROWS > limit[w] for w in limit) for limit in limits]
        if not any(p and not a for p, a in zip(possible, alarms, strict=True)):
            continue
        fine = _split(random, counts, pieces)
        far = _distances(fine, numpy.append(numpy.arange(1, ROWS + 1) / ROWS, 1.0))
        for number, limit in enumerate(limits):
            alarms[number] |= any(far[window] > limit[window] for window in limit)
    return tuple(alarms)


def _split(random: Any, counts: Any, pieces: Any) -> Any:
    """Return the counts of all pieces, given those of groups of them."""
    import numpy

    parts = []
    for number, column in enumerate(counts.T):
        own = pieces[number * _COARSE : (number + 1) * _COARSE]
        parts.append(random.multinomial(column, own / own.sum()))
    return numpy.concatenate(parts, axis=1)


def _distances(counts: Any, expected: Any) -> dict[int, float]:
    """Return the largest distance of any window of so many batches."""
    import numpy

    from atlas.monitor.drift import WINDOWS

    below = numpy.cumsum(numpy.cumsum(counts, axis=1), axis=0)
    far = {}
    for window in WINDOWS:
        last = below[window - 1 :].copy()
        last[1:] -= below[: len(below) - window]
        shares = last[:, : len(expected)] / (ROWS * window)
        far[window] = float(numpy.abs(shares - expected).max())
    return far


KINDS: dict[str, Any] = {
    "normal": lambda n, r: r.standard_normal(n),
    "ties": lambda n, r: r.integers(0, 3, n),
    "heavy tails": lambda n, r: r.standard_cauchy(n),
    "rare flags": lambda n, r: r.random(n) < 0.01,
    "categories": lambda n, r: r.choice([*"abcdefgh"], n),
    "missing": lambda n, r: _with_gaps(r.random(n), r),
}
SIZES = (30, 100, 1000, 10_000, 100_000)


def _with_gaps(values: Any, random: Any) -> Any:
    values[random.random(len(values)) < 0.1] = float("nan")
    return values


def whole() -> list[Row]:
    """Measure whole profiles of all kinds at once, batches of all sizes, a reference of 1,000."""
    import numpy

    from atlas.monitor.budget import Budget
    from atlas.monitor.drift import DriftRule, look
    from atlas.profiles.measure import batch, reference

    random, rule = numpy.random.default_rng(6), DriftRule(Budget(PROMISE))
    streams, wrong = max(STREAMS // 50, 1), 0
    for _ in range(streams):
        beside = reference({kind: draw(ROWS, random) for kind, draw in KINDS.items()})
        last: list[Any] = []
        for number in range(1, 51):
            size = int(random.choice(SIZES, p=(0.3, 0.3, 0.3, 0.08, 0.02)))
            rows = {kind: draw(size, random) for kind, draw in KINDS.items()}
            last = [*last[-7:], batch(rows, beside)]
            if look(beside, last, number, rule).alarms:
                wrong += 1
                break
    what = f"{streams} streams of 50 batches of 30 to 100,000 rows: ties, tails, flags, gaps"
    return [at_most(f"{what}: share with an alarm", wrong / streams, PROMISE, "share")]


def dependent() -> list[Row]:
    """Report streams whose rows depend on each other, with tolerances learnt and without."""
    rows = []
    for name, make in (
        ("AR(1) of .7 between rows", _autoregressive),
        ("a week of .3 sd", _weekly),
        ("batch means of AR(1), .1 sd", _wandering),
    ):
        wrong = [_dependent(make, learnt) for learnt in (True, False)]
        rows.append(shown(f"{name}: streams with an alarm, tolerance learnt", wrong[0], "share"))
        rows.append(shown("  without a tolerance", wrong[1], "share"))
    return rows


def _dependent(make: Any, learnt: bool) -> float:
    import numpy

    from atlas.monitor.budget import Budget
    from atlas.monitor.drift import DriftRule, look
    from atlas.monitor.tolerance import propose
    from atlas.profiles.measure import batch, reference

    random, wrong, streams = numpy.random.default_rng(7), 0, max(STREAMS // 100, 1)
    for _ in range(streams):
        blocks = make(random, 56 + LOOKS)
        beside = reference({"x": numpy.concatenate(blocks[:56])})
        counted = [batch({"x": block}, beside) for block in blocks]
        tolerance = propose(beside, counted[:56]).distributions if learnt else {}
        rule, later = DriftRule(Budget(PROMISE), tolerance), counted[56:]
        wrong += any(
            look(beside, later[max(0, n - 8) : n], n, rule).alarms for n in range(1, LOOKS + 1)
        )
    return wrong / streams


def _autoregressive(random: Any, blocks: int) -> list[Any]:
    import numpy

    noise = random.standard_normal(blocks * ROWS) * (1.0 - 0.7**2) ** 0.5
    # A sum of the last 40 is all of it but 1e-6.
    return numpy.split(numpy.convolve(noise, 0.7 ** numpy.arange(40))[: len(noise)], blocks)


def _weekly(random: Any, blocks: int) -> list[Any]:
    return [random.standard_normal(ROWS) + 0.3 * (day % 7 >= 5) for day in range(blocks)]


def _wandering(random: Any, blocks: int) -> list[Any]:
    mean, made = 0.0, []
    for _ in range(blocks):
        mean = 0.7 * mean + 0.1 * (1.0 - 0.7**2) ** 0.5 * random.standard_normal()
        made.append(random.standard_normal(ROWS) + mean)
    return made


def power() -> list[Row]:
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
    others = {f"f{n}": replace(first, name=f"f{n}") for n in range(1, FEATURES)}
    everything, rule = Profile({**beside.features, **others}), DriftRule(Budget(PROMISE))

    def made(mean: float) -> Profile:
        counted: Feature = batch({"f0": random.standard_normal(1000) + mean}, beside).features["f0"]
        return Profile({"f0": counted})

    seen = 0
    for _ in range(times):
        batches = [made(0.0)]
        for number in range(within):
            batches.append(made(shift))
            if look(everything, batches, 50 + number, rule).alarms:
                seen += 1
                break
    return seen / times


LOSSES: dict[str, tuple[str, Any]] = {
    "accuracy of .9": ("accuracy", lambda n, r: (r.random(n) < 0.9).astype(float)),
    "accuracy of .999": ("accuracy", lambda n, r: (r.random(n) < 0.999).astype(float)),
    "Brier score": ("brier_score", lambda n, r: r.beta(0.5, 4.0, n)),
    "lognormal errors": ("mae", lambda n, r: r.lognormal(0.0, 1.0, n)),
    "errors without a variance": ("mae", lambda n, r: r.pareto(1.8, n)),
}


def degradation() -> list[Row]:
    """Measure alarms of the running loss on quiet streams, and after a drop of the accuracy."""
    rows = []
    for name, (metric, draw) in LOSSES.items():
        wrong = _degraded(metric, draw)
        what = f"{STREAMS // 5} quiet streams of 100 batches x 200 labels, {name}"
        if name == "errors without a variance":  # of which nothing is promised
            rows.append(shown(f"{what}: share with an alarm", wrong, "share"))
        else:
            rows.append(at_most(f"{what}: share with an alarm", wrong, PROMISE, "share"))
    late = [_delay(seed, 0.9, 0.85) for seed in range(100)]
    seen = [delay for delay in late if delay is not None]
    missed = 1.0 - sum(delay <= 10 for delay in seen) / len(late)
    what = "accuracy from .90 to .85 after 50 good batches of 1,000"
    return [
        *rows,
        at_most(f"{what}: not seen by 10 batches", missed, 0.05, "share"),
        shown("  mean delay", sum(seen) / max(len(seen), 1), "batches"),
    ]


def _degraded(name: str, draw: Any) -> float:
    import numpy

    from atlas.monitor.budget import Budget
    from atlas.monitor.row_metrics import ROW_METRICS
    from atlas.monitor.running import RunningRule

    random, metric = numpy.random.default_rng(8), ROW_METRICS[name]
    rule, streams = RunningRule(metric, Budget(PROMISE)), max(STREAMS // 5, 1)
    wrong = 0
    for _ in range(streams):
        counted = [_sums(metric, f"{n}", draw(200, random)) for n in range(LOOKS)]
        wrong += _first(counted, metric.score(draw(1000, random)), rule) is not None
    return wrong / streams


def _sums(metric: Any, name: str, values: Any) -> Any:
    parts = {"n": len(values), "sum": values.sum(), "sum_squares": (values**2).sum()}
    return metric.sums(name, parts)


def _first(counted: list[Any], score: Any, rule: Any, begin: int = 1) -> int | None:
    from atlas.monitor.running import limit_of, running

    known = replace(rule, limit=limit_of(score, rule)[0])
    looks = range(begin, len(counted) + 1)
    return next((n for n in looks if running(counted[:n], None, known).fired), None)


def _delay(seed: int, before: float, after: float) -> int | None:
    import numpy

    from atlas.monitor.budget import Budget
    from atlas.monitor.row_metrics import ROW_METRICS
    from atlas.monitor.running import RunningRule

    random, metric = numpy.random.default_rng(seed), ROW_METRICS["accuracy"]
    score = metric.score((random.random(5000) < before).astype(float))
    shares = [before] * 50 + [after] * 20
    counted = [
        _sums(metric, f"{n}", (random.random(1000) < share).astype(float))
        for n, share in enumerate(shares)
    ]
    seen = _first(counted, score, RunningRule(metric, Budget(PROMISE)))
    return seen - 50 if seen is not None and seen > 50 else None
