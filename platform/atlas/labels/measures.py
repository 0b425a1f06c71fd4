"""Metrics by their names: of each row, so that they add up over batches, or of many rows at once.

The names are scikit-learn's, where it has one; any other function of ``sklearn.metrics`` that takes
labels and predictions is used where scikit-learn is installed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.labels.matching import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy import ndarray
    from pandas import DataFrame, Series

    Numbers = ndarray[Any, Any]

_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True)
class Columns:
    """Which columns hold what.

    Attributes:
        label: the label.
        prediction: the predicted class or number; empty for none.
        score: the predicted probability, or a score, of the positive class; empty for none.
        positive: the label of the positive class.
    """

    label: str
    prediction: str = ""
    score: str = ""
    positive: Any = 1


def _correct(rows: DataFrame, columns: Columns) -> Numbers:
    label, prediction = rows[columns.label], rows[columns.prediction]
    correct: Numbers = (label.to_numpy() == prediction.to_numpy()).astype(float)
    return correct


def _log_loss(rows: DataFrame, columns: Columns) -> Numbers:
    import numpy

    positive, score = _positive(rows, columns), _numbers(rows[columns.score])
    likely = numpy.clip(score, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    losses: Numbers = -numpy.where(positive, numpy.log(likely), numpy.log1p(-likely))
    return losses


def _brier(rows: DataFrame, columns: Columns) -> Numbers:
    squares: Numbers = (_numbers(rows[columns.score]) - _positive(rows, columns)) ** 2
    return squares


def _difference(rows: DataFrame, columns: Columns) -> Numbers:
    difference: Numbers = _numbers(rows[columns.prediction]) - _numbers(rows[columns.label])
    return difference


def _absolute(rows: DataFrame, columns: Columns) -> Numbers:
    return abs(_difference(rows, columns))


def _square(rows: DataFrame, columns: Columns) -> Numbers:
    squares: Numbers = _difference(rows, columns) ** 2
    return squares


def _roc_auc(rows: DataFrame, columns: Columns) -> float:
    """Return the area under the curve by ranks (Mann and Whitney 1947); NaN for a single class."""
    from pandas import Series

    positive = _positive(rows, columns)
    ranks = Series(_numbers(rows[columns.score])).rank().to_numpy()
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return math.nan
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


@dataclass(frozen=True)
class Measure:
    """One metric.

    Attributes:
        needs: ``prediction`` or ``score``: the column that it is computed from.
        row: gives each row's value, whose mean is the metric.
        whole: gives the value of many rows at once, where it isn't a mean.
        finish: makes the metric of the mean.
    """

    needs: str
    row: Callable[[DataFrame, Columns], Numbers] | None = None
    whole: Callable[[DataFrame, Columns], float] | None = None
    finish: Callable[[float], float] = float


MEASURES: Mapping[str, Measure] = {
    "accuracy": Measure("prediction", _correct),
    "log_loss": Measure("score", _log_loss),
    "brier_score": Measure("score", _brier),
    "roc_auc": Measure("score", whole=_roc_auc),
    "mae": Measure("prediction", _absolute),
    "mse": Measure("prediction", _square),
    "rmse": Measure("prediction", _square, finish=math.sqrt),
    "bias": Measure("prediction", _difference),
}
"""The metrics that need nothing but NumPy."""


def measure_named(name: str) -> Measure:
    """Return the metric of a name.

    Raises:
        AtlasError: there is none, or scikit-learn isn't installed.
    """
    if name in MEASURES:
        return MEASURES[name]
    known = ", ".join(MEASURES)
    try:
        import sklearn.metrics as library
    except ImportError:
        message = f"metric '{name}': expected {known}, or scikit-learn to be installed for others"
        raise AtlasError(message) from None
    if name not in library.__all__ or not name.endswith(("_score", "_error", "_loss")):
        raise AtlasError(f"metric '{name}': expected {known}, or a function of sklearn.metrics")
    function = getattr(library, name)

    def whole(rows: DataFrame, columns: Columns) -> float:
        return float(function(rows[columns.label], rows[columns.prediction]))

    return Measure("prediction", whole=whole)


def measures_named(names: Sequence[str], columns: Columns) -> dict[str, Measure]:
    """Return metrics by their names.

    Raises:
        AtlasError: one isn't known, or needs a column that isn't named.
    """
    measures = {name: measure_named(name) for name in names}
    for name, measure in measures.items():
        if not getattr(columns, measure.needs):
            raise AtlasError(f"metric '{name}' needs the param '{measure.needs}': a column's name")
    return measures


def check_kinds(rows: DataFrame, columns: Columns) -> None:
    """Check that labels and predicted classes can be equal.

    Raises:
        AtlasError: one is numbers, the other text.
    """
    if not columns.prediction:
        return
    kinds = [kind_of(rows[name]) for name in (columns.label, columns.prediction)]
    if "nothing" not in kinds and kinds[0] != kinds[1]:
        found = f"the label '{columns.label}' holds a {kinds[0]}"
        other = f"the prediction '{columns.prediction}' a {kinds[1]}"
        raise AtlasError(f"{found}, and {other}; expected the same type")


def _positive(rows: DataFrame, columns: Columns) -> Numbers:
    positive: Numbers = (rows[columns.label] == columns.positive).to_numpy(dtype=bool)
    return positive


def _numbers(column: Series) -> Numbers:
    import numpy

    if kind_of(column) not in ("number", "nothing"):
        raise AtlasError(f"the column '{column.name}' is {column.dtype}; expected numbers")
    values: Numbers = column.to_numpy(dtype=numpy.float64, na_value=numpy.nan)
    return values
