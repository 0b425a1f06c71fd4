"""What a classifier's metric is likely to be before labels come: confidence-based estimation.

At training, scores of rows with labels give a calibration: how often the label is positive at each
score, which never falls as the score rises (isotonic regression: Ayer et al., Ann. Math. Stat. 26
(1955)). A later batch has scores only; its metric is what is expected if labels still are positive
as often at each score. The interval covers what is unknown then: the labels of so many rows, and
the calibration, which came of so many rows itself (a bootstrap of its counts).

It sees what the model itself sees, such as rows that it is less sure of. It is blind to a change of
what follows from a score; so it warns, and never starts a training.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.profiles.profile import CUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy import ndarray

    from atlas.profiles.profile import Feature

    Array = ndarray[Any, Any]

BINS = 100
"""Most groups of scores in which labels are counted."""
LEAST = 50
"""Fewest rows, and fewest of either class times 10, of which a calibration is learned."""
_DRAWS = 200
_LEAST_PROBABILITY = 1e-15
_SEED = 17


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often labels are positive at each score.

    Attributes:
        cuts: the largest score of each group but the last, ascending.
        rows: rows of each group.
        positive: those of them whose label is positive.
        low: the smallest score.
        high: the largest.
    """

    cuts: tuple[float, ...]
    rows: tuple[int, ...]
    positive: tuple[int, ...]
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        counts = {"rows": [*self.rows], "positive": [*self.positive]}
        return {"cuts": [*self.cuts], **counts, "low": self.low, "high": self.high}

    @classmethod
    def from_json(cls, raw: Any) -> Calibration:
        """Read back what `to_json` gave.

        Raises:
            ProfileError: it isn't a calibration.
        """
        try:
            cuts = tuple(float(cut) for cut in raw["cuts"])
            ends = float(raw["low"]), float(raw["high"])
            made = cls(cuts, tuple(raw["rows"]), tuple(raw["positive"]), *ends)
            pairs = [*zip(made.rows, made.positive, strict=True)]
            is_good = all(type(n) is type(k) is int and 0 <= k <= n < 2**53 for n, k in pairs)
            is_good &= len(pairs) == len(cuts) + 1 and [*cuts] == sorted({*cuts})
            is_good &= all(map(math.isfinite, (*cuts, *ends))) and all(made.rows)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ProfileError(f"a calibration is damaged: {error!r}") from None
        if not is_good:
            raise ProfileError("a calibration is damaged: its groups and counts don't fit")
        return made


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric as it is likely to be.

    Attributes:
        metric: the metric.
        value: what is expected.
        low: the metric is below this with a probability of at most half of 1 - confidence.
        high: likewise above.
        confidence: that it is between, if labels follow from scores as they did at training.
        rows: how many scores.
        beyond: the share of them outside the scores of training.
    """

    metric: str
    value: float
    low: float
    high: float
    confidence: float
    rows: int
    beyond: float


def calibrate(scores: Any, is_positive: Any) -> Calibration:
    """Learn how often labels are positive at each score.

    Args:
        scores: the model's score of the positive class, of rows that it wasn't trained on.
        is_positive: whether each row's label is positive.

    Raises:
        ProfileError: there are too few rows, or of one class; or a score is missing.
    """
    import numpy

    scores, labels = _numbers(scores), numpy.asarray(is_positive, dtype=bool)
    if len(scores) != len(labels) or not numpy.isfinite(scores).all():
        found = f"{len(scores)} scores and {len(labels)} labels"
        raise ProfileError(f"found {found}; expected a finite score and a label of each row")
    yes = int(labels.sum())
    if len(labels) < LEAST or min(yes, len(labels) - yes) < LEAST // 10:
        found = f"{len(labels)} rows, {yes} of them positive"
        expected = f"at least {LEAST}, and {LEAST // 10} of either class"
        raise ProfileError(f"found {found}; expected {expected}, to learn what a score means")
    places = numpy.linspace(0, len(scores) - 1, BINS + 1)[1:-1].astype(int)
    cuts = numpy.unique(numpy.sort(scores)[places])
    cuts = cuts[cuts < scores.max()]
    group = numpy.searchsorted(cuts, scores)
    rows = numpy.bincount(group, minlength=len(cuts) + 1)
    positive = numpy.bincount(group, labels, minlength=len(cuts) + 1).astype(int)
    groups, counts, yes_counts = (tuple(part.tolist()) for part in (cuts, rows, positive))
    return Calibration(groups, counts, yes_counts, float(scores.min()), float(scores.max()))


def scores_of(feature: Feature) -> tuple[Array, Array]:
    """Return the scores that a profile has counted, and how often: the middle between cut points.

    Raises:
        ProfileError: the column isn't of numbers.
    """
    import numpy

    if feature.kind != "number":
        raise ProfileError(f"{feature.name}: found a {feature.kind}; expected a score, a number")
    if not feature.present:
        return numpy.empty(0), numpy.empty(0, dtype=int)
    values = numpy.append(feature.cuts, feature.high)
    if len(feature.cuts) == CUTS:  # quantiles, not all different scores
        values[1:] = (values[1:] + values[:-1]) / 2.0
    used = feature.counts > 0
    return values[used], feature.counts[used]


def estimate(
    calibration: Calibration,
    scores: Any,
    metric: str,
    *,
    counts: Any = None,
    threshold: float = 0.5,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate a batch's metric.

    Args:
        calibration: of the champion.
        scores: the batch's.
        metric: ``accuracy``, ``brier_score``, ``log_loss`` or ``roc_auc``.
        counts: how many rows have each of the scores; None: one each.
        threshold: the least score of rows that are predicted as positive, for ``accuracy``.
        confidence: of the interval.

    Raises:
        ProfileError: there is no score, one isn't a probability where the metric needs that, or
            another metric is asked for.
    """
    import numpy

    values, number = _grouped(_numbers(scores), counts)
    if metric not in ESTIMATED or not number.sum():
        found = f"{metric} of {int(number.sum())} scores"
        raise ProfileError(f"found {found}; expected scores, and one of {', '.join(ESTIMATED)}")
    if metric != "roc_auc" and (values.min() < 0.0 or values.max() > 1.0):
        found = f"scores from {values.min():.4g} to {values.max():.4g}"
        raise ProfileError(f"found {found}; expected probabilities for {metric}, from 0 to 1")
    of = ESTIMATED[metric]
    group = numpy.searchsorted(numpy.array(calibration.cuts), values)
    rows, positive = (numpy.array(part) for part in (calibration.rows, calibration.positive))
    known = _isotonic(positive, rows)
    expected = of(values, known[group] * number, number, threshold)
    random = numpy.random.default_rng(_SEED)
    drawn = []
    for _ in range(_DRAWS):
        shares = _isotonic(random.binomial(rows, known), rows)
        labels = random.binomial(number, shares[group])
        drawn.append(of(values, labels, number, threshold))
    half = NormalDist().inv_cdf((1.0 + confidence) / 2.0) * float(numpy.nanstd(drawn))
    least, most = (0.0, math.inf if metric == "log_loss" else 1.0)
    low, high = max(least, expected - half), min(most, expected + half)
    outside = (values < calibration.low) | (values > calibration.high)
    beyond = float(number[outside].sum() / number.sum())
    return Estimate(metric, expected, low, high, confidence, int(number.sum()), beyond)


def _numbers(scores: Any) -> Array:
    import numpy

    return numpy.asarray(scores, dtype=numpy.float64)


def _grouped(scores: Array, counts: Any) -> tuple[Array, Array]:
    """Return different scores and how many rows have each; many are put into groups of equals.

    Missing scores are left out.
    """
    import numpy

    number = numpy.ones(len(scores), dtype=numpy.int64) if counts is None else numpy.asarray(counts)
    present = numpy.isfinite(scores)
    values, place = numpy.unique(scores[present], return_inverse=True)
    number = numpy.bincount(place, number[present], minlength=len(values)).astype(numpy.int64)
    if len(values) <= CUTS:
        return values, number
    group = (numpy.cumsum(number) - 1) * CUTS // number.sum()
    total = numpy.bincount(group, number, minlength=CUTS)
    means = numpy.bincount(group, number * values, minlength=CUTS) / numpy.maximum(total, 1)
    return means[total > 0], total[total > 0].astype(numpy.int64)


def _isotonic(positive: Array, rows: Array) -> Array:
    """Return shares that never fall, nearest to those that were counted."""
    import numpy

    pools: list[tuple[float, float, int]] = []
    for share in zip(positive.tolist(), rows.tolist(), strict=True):
        pool = (*share, 1)
        while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
            yes, count, groups = pools.pop()
            pool = (pool[0] + yes, pool[1] + count, pool[2] + groups)
        pools.append(pool)
    return numpy.repeat([yes / count for yes, count, _ in pools], [n for _, _, n in pools])


def _accuracy(scores: Array, positive: Array, rows: Array, threshold: float) -> float:
    import numpy

    right = numpy.where(scores >= threshold, positive, rows - positive)
    return float(right.sum() / rows.sum())


def _brier(scores: Array, positive: Array, rows: Array, _: float) -> float:
    squares = positive * (1.0 - scores) ** 2 + (rows - positive) * scores**2
    return float(squares.sum() / rows.sum())


def _log_loss(scores: Array, positive: Array, rows: Array, _: float) -> float:
    import numpy

    likely = numpy.clip(scores, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
    losses = positive * numpy.log(likely) + (rows - positive) * numpy.log1p(-likely)
    return float(-losses.sum() / rows.sum())


def _roc_auc(scores: Array, positive: Array, rows: Array, _: float) -> float:
    """Return how often a positive row has a higher score than another; NaN for a single class."""
    import numpy

    others = rows - positive
    pairs = float(positive.sum()) * float(others.sum())
    below = numpy.cumsum(others) - others / 2.0
    return float((positive * below).sum()) / pairs if pairs else math.nan


ESTIMATED: Mapping[str, Callable[[Array, Array, Array, float], float]] = {
    "accuracy": _accuracy,
    "brier_score": _brier,
    "log_loss": _log_loss,
    "roc_auc": _roc_auc,
}
"""The metrics that can be estimated: of scores in ascending order, positive rows, and all rows."""
