"""Metrics that are the mean of a value per row, as losses of at least 0, and their sums."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy import ndarray

    Array = ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class LossSums:
    """The losses of labelled rows of one batch, added up.

    Attributes:
        batch: the batch.
        n: how many rows.
        sum: of their losses.
        sum_squares: of the losses' squares.
    """

    batch: str
    n: int
    sum: float
    sum_squares: float

    def __add__(self, other: LossSums) -> LossSums:
        """Return the sums of both."""
        total, squares = self.sum + other.sum, self.sum_squares + other.sum_squares
        return LossSums(self.batch, self.n + other.n, total, squares)

    def __sub__(self, other: LossSums) -> LossSums:
        """Return the sums of the rows that the other doesn't have."""
        total, squares = self.sum - other.sum, self.sum_squares - other.sum_squares
        return LossSums(self.batch, self.n - other.n, total, squares)

    def is_possible(self, near: float) -> bool:
        """Tell whether so many rows can have these sums, up to a rounding error."""
        mean_squared = self.sum * self.sum / self.n
        return self.sum >= -near and self.sum_squares >= mean_squared * (1.0 - 1e-9) - near


@dataclass(frozen=True, slots=True)
class LossAtTest:
    """The losses of a test's rows.

    Attributes:
        n: how many rows.
        sum: of their losses.
        sum_squares: of the losses' squares.
        skewness: of the losses; 0 where it isn't known.
    """

    n: int
    sum: float
    sum_squares: float
    skewness: float = 0.0


@dataclass(frozen=True, slots=True)
class RowMetric:
    """A metric, and how its rows' values become losses: by how much they differ from the best.

    Attributes:
        name: the metric.
        best: the value of a row without loss.
        sign: 1.0 where larger values are worse, -1.0 where smaller ones are.
        range: the largest loss of a row; None where there is none.
        is_root: whether the metric is the square root of the mean.
    """

    name: str
    best: float = 0.0
    sign: float = 1.0
    range: float | None = None
    is_root: bool = False

    def value(self, loss: float) -> float:
        """Return the metric of a mean loss."""
        mean = self.best + self.sign * loss
        return math.sqrt(max(mean, 0.0)) if self.is_root else mean

    def loss_of(self, value: float) -> float:
        """Return the mean loss of a metric's value."""
        return max(self.sign * ((value * value if self.is_root else value) - self.best), 0.0)

    def worse(self, value: float, margin: float) -> float:
        """Return a value that is worse than another by a margin."""
        return value + self.sign * margin

    def is_worse(self, value: float, than: float) -> bool:
        """Tell whether a value is worse than another."""
        return self.sign * (value - than) > 0.0

    def sums(self, batch: str, values: Mapping[str, float]) -> LossSums:
        """Return the losses' sums of the values' sums.

        Args:
            batch: the batch.
            values: ``n``, ``sum`` and ``sum_squares`` of the rows' values, as a measurement has
                them.

        Raises:
            ProfileError: these aren't sums of such values.
        """
        try:
            n, total, squares = (values[key] for key in ("n", "sum", "sum_squares"))
            rows = int(n)
            loss = self.sign * (total - n * self.best)
            about = squares - 2.0 * self.best * total + n * self.best**2
            made = LossSums(batch, rows, loss, about)
            near = 1e-9 * max(1.0, abs(total), squares)
            is_whole = rows == n and rows >= 0 and math.isfinite(loss) and math.isfinite(about)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ProfileError(f"{batch}: {self.name}: no sums of rows: {error!r}") from None
        if not is_whole or (rows and not made.is_possible(near)) or self._is_beyond(made, near):
            found = f"n {n!r}, sum {total!r}, sum_squares {squares!r}"
            raise ProfileError(f"{batch}: {self.name}: no rows have {found}")
        return LossSums(batch, rows, max(loss, 0.0), max(about, 0.0))

    def _is_beyond(self, made: LossSums, near: float) -> bool:
        """Tell whether rows must have losses above the largest."""
        return self.range is not None and made.sum > self.range * made.n + near

    def score(self, values: Array) -> LossAtTest:
        """Return the score of a test's rows.

        Args:
            values: the metric of each row.

        Raises:
            ProfileError: a row has no value.
        """
        import numpy

        losses = self.sign * (numpy.asarray(values, dtype=numpy.float64) - self.best)
        if not numpy.isfinite(losses).all():
            count = int((~numpy.isfinite(losses)).sum())
            raise ProfileError(f"{self.name}: {count} of {len(losses)} rows of the test have none")
        if len(losses) == 0:
            return LossAtTest(0, 0.0, 0.0)
        off = losses - losses.mean()
        spread = math.sqrt(float((off**2).mean()))
        skewness = float((off**3).mean()) / spread**3 if spread > 0.0 else 0.0
        return LossAtTest(len(losses), float(losses.sum()), float((losses**2).sum()), skewness)


ROW_METRICS: Mapping[str, RowMetric] = {
    "accuracy": RowMetric("accuracy", best=1.0, sign=-1.0, range=1.0),
    "brier_score": RowMetric("brier_score", range=1.0),
    "log_loss": RowMetric("log_loss"),
    "mae": RowMetric("mae"),
    "mse": RowMetric("mse"),
    "rmse": RowMetric("rmse", is_root=True),
}
"""The metrics whose running loss is bounded. Of ``bias`` no value is the worst in one direction."""
