"""The paired test: two models on the same rows, and whether one of them is better.

A row's difference is counted so that above 0 the challenger is better. The mean difference has a
lower and an upper bound, each of which is wrong with a probability of at most 1 - confidence:

- values that are all 0 or 1: McNemar's exact test (`atlas.models.binomial`);
- at most 16 rows: the sign-flip test, which is exact for differences that are symmetric about their
  mean (Hartigan 1969: the means of all subsets split the line into equally likely intervals);
- otherwise: the studentised bootstrap over rows (Efron and Tibshirani 1993, 12.5). Of many rows, it
  draws random groups, whose means vary as much.

The random numbers are seeded by the differences, so equal rows give equal bounds.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, ChampionRowsError
from atlas.models.binomial import lower_bound

if TYPE_CHECKING:
    from numpy import ndarray

    Values = ndarray[Any, Any]

HIGHER, LOWER = "higher", "lower"
"""Directions: which values of a metric are better."""
BETTER, NOT_WORSE, SAME, WORSE = "better", "not worse", "indistinguishable", "worse"
"""Verdicts of a comparison. ``not worse``: by less than the rule's margin, if at all."""
_FEW = 16
_GROUPS = 1024
_DRAWS = 10_000
_TAIL = 20
"""Draws beyond a quantile that it takes to know the quantile."""
_CHUNK = 1_000
"""Draws at once: 1,000 of 1,024 groups take 8 MB."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a comparison has to decide.

    Attributes:
        metric: the metric, for messages; its value is the mean of the rows' values.
        direction: which values are better: ``higher`` or ``lower``.
        confidence: probability that a bound of the difference is right, above 0.5.
        margin: by how much the challenger may be worse, in the metric's unit; None: it has to be
            better.
    """

    metric: str
    direction: str
    confidence: float = 0.95
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """How a challenger does beside the champion on the same rows.

    Attributes:
        metric: the metric.
        verdict: ``better``, ``not worse``, ``indistinguishable`` or ``worse``.
        challenger: mean of the challenger's values.
        champion: mean of the champion's values.
        difference: the mean difference; above 0 the challenger is better.
        low: lower bound of the difference; minus infinity where too few rows give none.
        high: upper bound.
        confidence: probability that a bound is right.
        margin: by how much the challenger may be worse, or None.
        rows: how many rows.
        test: ``exact binomial``, ``sign-flip`` or ``bootstrap``.
    """

    metric: str
    verdict: str
    challenger: float
    champion: float
    difference: float
    low: float
    high: float
    confidence: float
    margin: float | None
    rows: int
    test: str

    @property
    def passes(self) -> bool:
        """Whether the challenger may take the champion's place as far as this metric goes."""
        return self.verdict in (BETTER, NOT_WORSE)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data; an infinite bound is None."""
        raw = asdict(self)
        return {k: None if isinstance(v, float) and math.isinf(v) else v for k, v in raw.items()}


def compare(
    challenger: Values, champion: Values, question: Question, *, is_slice: bool = False
) -> PairedComparison:
    """Compare two models by their values of the same rows, in the same order.

    Args:
        challenger: a value for each row, of the challenger.
        champion: a value for each row, of the champion.
        question: the metric, its direction, the confidence and the margin.
        is_slice: whether they are some rows of more, which may all have the same value.

    Raises:
        AtlasError: the values or the question can't be compared; it says why.
        ChampionRowsError: the champion's values can't.
    """
    _check_question(question)
    check_values(challenger, champion, question.metric, is_slice=is_slice)
    sign = 1.0 if question.direction == HIGHER else -1.0
    differences = sign * (challenger - champion)
    low, high, test = _bounds(challenger, champion, differences, 1.0 - question.confidence)
    return PairedComparison(
        metric=question.metric,
        verdict=_verdict(low, high, question.margin),
        challenger=float(challenger.mean()),
        champion=float(champion.mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
        confidence=question.confidence,
        margin=question.margin,
        rows=len(differences),
        test=test,
    )


def _verdict(low: float, high: float, margin: float | None) -> str:
    if low > 0.0:
        return BETTER
    if margin is not None and low > -margin:
        return NOT_WORSE
    return WORSE if high < 0.0 else SAME


def _check_question(question: Question) -> None:
    if question.direction not in (HIGHER, LOWER):
        found = f"direction {question.direction!r}"
        raise AtlasError(f"{question.metric}: found {found}, expected '{HIGHER}' or '{LOWER}'")
    if not 0.5 < question.confidence < 1.0:  # noqa: PLR2004 - a half decides nothing
        found = f"confidence {question.confidence:g}"
        raise AtlasError(f"{question.metric}: found {found}, expected above 0.5 and below 1")
    if question.margin is not None and not 0.0 <= question.margin < math.inf:
        raise AtlasError(f"{question.metric}: found margin {question.margin:g}, expected 0 or more")


def check_values(
    challenger: Values, champion: Values, metric: str, *, is_slice: bool = False
) -> None:
    """Check that there are two comparable values for each row.

    Args:
        challenger: a value for each row, of the challenger.
        champion: a value for each row, of the champion.
        metric: the metric, for messages.
        is_slice: whether they are some rows of more, which may all have the same value.

    Raises:
        AtlasError: there aren't.
        ChampionRowsError: the champion's values are the reason.
    """
    if challenger.ndim != 1 or challenger.shape != champion.shape:
        counts = f"{challenger.shape} and {champion.shape}"
        raise AtlasError(f"{metric}: found values of shapes {counts}, expected one for each row")
    if len(challenger) < 2:  # noqa: PLR2004 - one row says nothing of others
        raise AtlasError(f"{metric}: found {len(challenger)} row(s), expected at least 2")
    _check_each(challenger, f"{metric}: the challenger's values", is_slice=is_slice)
    try:
        _check_each(champion, f"{metric}: the champion's values", is_slice=is_slice)
    except AtlasError as error:
        raise ChampionRowsError(str(error)) from error


def _check_each(values: Values, where: str, *, is_slice: bool) -> None:
    import numpy

    finite = numpy.isfinite(values)
    if not finite.all():
        first = int(numpy.argmin(finite))
        count = int((~finite).sum())
        found = f"{values[first]} in row {first}" + (f" and {count - 1} more" if count > 1 else "")
        raise AtlasError(f"{where}: found {found}, expected a finite number in each row")
    if not is_slice and not _is_binary(values) and (values == values[0]).all():
        hint = "write each row's own value, not the metric of all rows"
        raise AtlasError(f"{where}: found {values[0]:g} in every row, which is constant ({hint})")


def _is_binary(values: Values) -> bool:
    return bool(((values == 0.0) | (values == 1.0)).all())


def _bounds(
    challenger: Values, champion: Values, differences: Values, alpha: float
) -> tuple[float, float, str]:
    """Return both bounds of the mean difference, and how they were found."""
    if _is_binary(challenger) and _is_binary(champion):
        wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
        rows = len(differences)
        low = lower_bound(wins, losses, rows, alpha)
        return low, -lower_bound(losses, wins, rows, alpha), "exact binomial"
    if len(differences) <= _FEW:
        low = _flipped(differences, alpha)
        return low, -_flipped(-differences, alpha), "sign-flip"
    return *_resampled(differences, alpha), "bootstrap"


def _flipped(differences: Values, alpha: float) -> float:
    """Return the lower bound by the means of all subsets of the rows."""
    import numpy

    rank = int(alpha * 2 ** len(differences))
    if not rank:
        return -math.inf
    sums, counts = numpy.zeros(1), numpy.zeros(1)
    for value in differences:
        sums = numpy.concatenate([sums, sums + value])
        counts = numpy.concatenate([counts, counts + 1.0])
    means = sums[1:] / counts[1:]
    return float(numpy.partition(means, rank - 1)[rank - 1])


def _resampled(differences: Values, alpha: float) -> tuple[float, float]:
    """Return both bounds by the bootstrap."""
    import numpy

    mean = float(differences.mean())
    rng = numpy.random.Generator(numpy.random.PCG64(_seed(differences)))
    groups = _grouped(differences, rng)
    error = float(groups.std(ddof=1)) / math.sqrt(len(groups))
    if error == 0.0:
        return mean, mean
    draws = numpy.sort(_draws(groups, rng))
    return mean - _quantile(draws, alpha) * error, mean + _quantile(-draws[::-1], alpha) * error


def _seed(differences: Values) -> int:
    return int.from_bytes(hashlib.sha256(differences.tobytes()).digest()[:16], "big")


def _grouped(differences: Values, rng: Any) -> Values:
    """Return the rows, or the means of random groups of them when there are many."""
    import numpy

    if len(differences) <= 2 * _GROUPS:
        return differences
    shuffled = rng.permutation(differences)
    starts = numpy.linspace(0, len(shuffled), _GROUPS, endpoint=False).astype(numpy.int64)
    sizes = numpy.diff(numpy.append(starts, len(shuffled)))
    means: Values = numpy.add.reduceat(shuffled, starts) / sizes
    return means


def _draws(groups: Values, rng: Any) -> Values:
    """Return by how many of its own standard errors the mean of each draw is off."""
    import numpy

    mean, count = groups.mean(), len(groups)
    parts = []
    for _ in range(_DRAWS // _CHUNK):
        drawn = groups[rng.integers(0, count, (_CHUNK, count), dtype=numpy.int32)]
        off = drawn.mean(axis=1) - mean
        errors = drawn.std(axis=1, ddof=1) / math.sqrt(count)
        with numpy.errstate(divide="ignore", invalid="ignore"):
            parts.append(numpy.where(off == 0.0, 0.0, off / errors))
    return numpy.concatenate(parts)


def _quantile(draws: Values, alpha: float) -> float:
    """Return the value that sorted draws exceed with a probability.

    Beyond what so many draws can tell, the quantile grows as that of the normal distribution.
    """
    known = max(alpha, _TAIL / len(draws))
    value = float(draws[min(len(draws) - 1, math.ceil((1.0 - known) * len(draws)))])
    if known == alpha:
        return value
    normal = NormalDist()
    return value * normal.inv_cdf(1.0 - alpha) / normal.inv_cdf(1.0 - known)
