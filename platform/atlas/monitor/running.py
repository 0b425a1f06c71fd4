"""The running loss of a deployed model against the score of its test: a bound that holds always.

Each row has a loss of at least 0 (`RowMetric`); of these, only sums per batch are known. For a
stretch of batches, the bound says what the mean of the rows' expected losses is at least. It holds
at all looks at once, for however long one looks: the empirical Bernstein supermartingale of Howard,
Ramdas, McAuliffe and Sekhon, Ann. Stat. 49 (2021), theorem 4, whose proof needs no more of a row
than that its loss isn't below 0 (Fan, Grama and Liu, Electron. J. Probab. 20 (2015), lemma 4.1).

A model that was good for long and is bad now is seen soon, because stretches that begin with any
batch are looked at; the risk of a false alarm is spread over where they begin.

The test's score is known from a finite sample, too. How far it may be off is paid once for all
looks: for losses that are bounded by Hoeffding's theorem, at any number of rows; for others by the
normal distribution, corrected for skewness (Hall, Ann. Probab. 11 (1983)), which holds for many
rows only.

So, where no stretch of at least so many batches has a larger expected loss than the test's, and
which labels come first doesn't depend on the losses, the probability of one alarm or more in a
champion's life is at most the budget's. Rows of labels that come later are new rows, counted when
they come; a label that is changed after it was counted is outside of the promise (`fresh`).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.monitor import bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy import ndarray

    from atlas.monitor.budget import Budget
    from atlas.monitor.row_metrics import LossAtTest, LossSums, RowMetric

    Array = ndarray[Any, Any]

FINITE, ASYMPTOTIC = "for any number of rows", "for many rows of the test"
"""How far the promise goes."""
_GRID = 14
"""How many bets there are on by how much the loss has grown, each half of the one before."""
_LARGEST = 0.75
_SMALLEST = 1e-3
"""Of the largest loss: the smallest unit in which losses are counted."""
_PRIOR = 100
"""Rows that the first guess of the mean loss counts for."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class RunningRule:
    """What the Config states.

    Attributes:
        metric: whose rows are summed.
        budget: the risk of a false alarm, and how many batches are expected.
        batches: the fewest distinct batches that an alarm may be about.
        limit: the metric's value that is still good; None: the test's score, less what that may be
            off, less the margin.
        margin: by how much worse than the test's score is still good, in the metric's unit.
    """

    metric: RowMetric
    budget: Budget
    batches: int = 1
    limit: float | None = None
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class RunningLoss:
    """What one look saw: the stretch of batches that is most against the model.

    Attributes:
        since: the first batch of the stretch; empty where no stretch is long enough.
        batches: how many distinct batches it has.
        rows: how many labelled rows it has.
        value: the metric of its rows.
        bound: the best that the metric is in truth, at the risk of this look.
        limit: the metric's worst value that is still good.
        chance: at most this is the probability that rows that are good look like this in any of all
            looks.
        whole: the metric of all rows of the champion's life; NaN without rows.
        spent: the risk of all batches so far.
        promise: ``for any number of rows``, or ``for many rows of the test``.
        fired: whether it is an alarm: the bound is worse than the limit.
    """

    since: str
    batches: int
    rows: int
    value: float
    bound: float
    limit: float
    chance: float
    whole: float
    spent: float
    promise: str
    fired: bool


@dataclass(frozen=True, slots=True)
class Fresh:
    """What of the measurements hasn't been counted yet.

    Attributes:
        sums: it, in the order of the measurements; to be counted after what was counted before.
        revised: batches whose labels were taken back or changed: outside of the promise. What was
            counted of them first stays counted.
    """

    sums: tuple[LossSums, ...]
    revised: tuple[str, ...]


def fresh(counted: Iterable[LossSums], measured: Iterable[LossSums]) -> Fresh:
    """Return what is new in the batches' sums as they are measured now.

    Args:
        counted: what has been counted so far; a batch may be there several times.
        measured: each batch's sums as they are now.
    """
    known: dict[str, LossSums] = {}
    for part in counted:
        known[part.batch] = known[part.batch] + part if part.batch in known else part
    new, revised = [], []
    for now in measured:
        rest = now - known[now.batch] if now.batch in known else now
        near = _ROUNDING * max(1.0, abs(now.sum), now.sum_squares)
        if rest.n > 0 and rest.is_possible(near):
            new.append(rest)
        elif rest.n != 0 or max(abs(rest.sum), abs(rest.sum_squares)) > near:
            revised.append(now.batch)
    return Fresh(tuple(new), tuple(revised))


def limit_of(score: LossAtTest | None, rule: RunningRule) -> tuple[float, str]:
    """Return the metric's worst value that is still good, and how far the promise goes.

    Args:
        score: of the test; not needed where the rule has a limit.
        rule: the rule.

    Raises:
        ProfileError: there is no score, or it doesn't say how far it may be off.
    """
    if rule.limit is not None:
        return rule.limit, FINITE
    if score is None or score.n < 1:
        found = "found no test's score with its rows"
        raise ProfileError(f"{found}, expected one, or a limit of the metric in the Config")
    loss, promise = _most(score, rule.metric, rule.budget.reference)
    return rule.metric.worse(rule.metric.value(loss), rule.margin), promise


def _most(score: LossAtTest, metric: RowMetric, risk: float) -> tuple[float, str]:
    """Return what the test's expected loss is at most, and how far that holds."""
    import numpy

    mean = score.sum / score.n
    if metric.range is not None:
        share = min(mean / metric.range, 1.0)
        rows = numpy.array([float(score.n)])
        return metric.range * float(bounds.share(share * rows, rows, risk)[1][0]), FINITE
    variance = score.sum_squares / score.n - mean * mean
    if score.n < 2 or variance <= _ROUNDING * mean * mean:  # noqa: PLR2004 - one row has no variance
        found = f"the test has {score.n} rows whose losses don't differ"
        raise ProfileError(
            f"{found}; expected some that do, or a limit of the metric in the Config"
        )
    root, normal = math.sqrt(score.n), -NormalDist().inv_cdf(risk)
    skewed = max(score.skewness, 0.0) * (2.0 * normal**2 + 1.0) / (6.0 * root)
    error = math.sqrt(variance * score.n / (score.n - 1)) / root
    return mean + error * (normal + skewed), ASYMPTOTIC


def running(
    counted: Sequence[LossSums], score: LossAtTest | None, rule: RunningRule
) -> RunningLoss:
    """Look at what is known of a champion's life.

    Args:
        counted: the sums of losses, in the order in which they became known, each row once
            (`fresh`).
        score: the test's; not needed where the rule has a limit.
        rule: the rule.

    Raises:
        ProfileError: there is no score, or it doesn't say how far it may be off.
    """
    limit, promise = limit_of(score, rule)
    counted = [part for part in counted if part.n]
    metric, spent = rule.metric, rule.budget.spent(len(counted))
    rows = sum(part.n for part in counted)
    whole = metric.value(sum(part.sum for part in counted) / rows) if rows else math.nan
    begins = _begins(counted, rule.batches)
    if not begins:
        nothing = (math.nan, metric.best, limit, 1.0)
        return RunningLoss("", 0, 0, *nothing, whole, spent, promise, fired=False)
    good = metric.loss_of(limit)
    scale = max(2.0 * good, (metric.range or 1.0) * _SMALLEST)
    start, least, chance = _worst(counted, begins, good, scale, rule.budget)
    stretch = counted[start:]
    n = sum(part.n for part in stretch)
    return RunningLoss(
        since=stretch[0].batch,
        batches=len({part.batch for part in stretch}),
        rows=n,
        value=metric.value(sum(part.sum for part in stretch) / n),
        bound=metric.value(max(least, 0.0)),
        limit=limit,
        chance=chance,
        whole=whole,
        spent=spent,
        promise=promise,
        fired=least > good,
    )


def _begins(counted: Sequence[LossSums], batches: int) -> list[int]:
    """Return where stretches up to the end begin that have enough batches, ascending."""
    seen: set[str] = set()
    begins = []
    for place in range(len(counted) - 1, -1, -1):
        seen.add(counted[place].batch)
        if len(seen) >= batches:
            begins.append(place)
    return begins[::-1]


def _worst(
    counted: Sequence[LossSums], begins: list[int], limit: float, scale: float, budget: Budget
) -> tuple[int, float, float]:
    """Return the stretch that is most against the model, its least loss, and the chance of it.

    A bet wins where the loss is above what it is bet on; that one of its likes multiplies what was
    staked by 1 / risk is as probable as the risk at most (Ville 1939).
    """
    import numpy

    table = numpy.array([(part.n, part.sum, part.sum_squares) for part in counted], dtype=float)
    spread = _spread(table, limit, scale)
    n, total, spread = (_from(column, begins) for column in (*table.T[:2], spread))
    risks = numpy.array([budget.at(place + 1) for place in begins]) / _GRID
    bets = _LARGEST * 0.5 ** numpy.arange(_GRID)[:, None]
    cost = (-numpy.log1p(-bets) - bets) * spread / scale**2
    won = bets * (total - n * limit) / scale - cost
    least = (total - scale / bets * (cost - numpy.log(risks))) / n
    worth = numpy.log(risks) + won  # above 0: an alarm
    place = int(numpy.argmax(worth.max(axis=0)))
    whole = math.log(budget.false_alarms - budget.reference)
    chance = min(1.0, math.exp(min(0.0, whole - float(worth[:, place].max()))))
    return begins[place], float(least[:, place].max()), chance


def _spread(table: Array, limit: float, scale: float) -> Array:
    """Return the sums of squares of the losses about what was expected of them before they came."""
    import numpy

    n, total, squares = table.T
    before = numpy.concatenate(([0.0], numpy.cumsum(n)[:-1]))
    sum_before = numpy.concatenate(([0.0], numpy.cumsum(total)[:-1]))
    guess = numpy.minimum((sum_before + _PRIOR * limit) / (before + _PRIOR), scale)
    spread: Array = numpy.maximum(squares - 2.0 * guess * total + n * guess**2, 0.0)
    return spread


def _from(column: Array, begins: list[int]) -> Array:
    """Return the sums of a column from each place to the end."""
    import numpy

    sums: Array = numpy.cumsum(column[::-1])[::-1][begins]
    return sums
