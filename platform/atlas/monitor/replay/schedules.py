"""What a schedule of retrainings costs, and which would have been the best.

Time is cut into periods. A model is trained at the end of each period but the last, and may be used
from the next period on. A period costs what the model in use loses on its rows; a training costs
the same each time. The best schedule is found exactly, by dynamic programming over the period and
the model in use: as many steps as there are pairs of a model and a later period.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HELPS, DOESNT, UNSURE = "helps", "doesn't help", "can't be told"
_ERRORS = 2.0
"""Standard errors that a gain has to be beyond its cost."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What each model loses in each period.

    Attributes:
        rows: of each period.
        mean: of each model, the mean loss of a row in each period, NaN before it was trained. Model
            0 is the champion; model n is trained at the end of period n, counted from 1.
        error: the standard error of the difference to the model that is trained at the end of the
            period, on the same rows, likewise.
    """

    rows: Sequence[float]
    mean: Sequence[Sequence[float]]
    error: Sequence[Sequence[float]]

    @property
    def periods(self) -> int:
        """How many periods there are; one more than trainings."""
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class RetrainingSchedule:
    """Some retrainings, and what came of them.

    Attributes:
        trainings: the models that are trained, from 1.
        loss: of all rows.
        cost: of the trainings.
    """

    trainings: tuple[int, ...]
    loss: float
    cost: float

    @property
    def total(self) -> float:
        """Loss and cost together."""
        return self.loss + self.cost


@dataclass(frozen=True, slots=True)
class Gain:
    """What one retraining of a schedule would have gained.

    Attributes:
        training: the model, from 1.
        gain: by how much less was lost until the next retraining than with the model before.
        error: the standard error of that.
        cost: of the training.
        verdict: ``helps``, ``doesn't help`` or ``can't be told``.
    """

    training: int
    gain: float
    error: float
    cost: float
    verdict: str


def scheduled(losses: Losses, trainings: Iterable[int], cost: float) -> RetrainingSchedule:
    """Return what a schedule costs.

    Args:
        losses: what each model loses.
        trainings: the models that are trained.
        cost: of one training, in the unit of the summed loss.
    """
    chosen = tuple(sorted({*trainings}))
    lost, model = 0.0, 0
    for period in range(losses.periods):
        model = period if period in chosen else model
        lost += losses.rows[period] * losses.mean[model][period]
    return RetrainingSchedule(chosen, lost, cost * len(chosen))


def best_schedule(losses: Losses, cost: float) -> RetrainingSchedule:
    """Return the schedule that costs least; of equal ones, that with fewest trainings."""
    best: dict[int, tuple[float, int, tuple[int, ...]]] = {0: (0.0, 0, ())}
    for period in range(losses.periods):
        if period:
            total, count, trainings = min(best.values())
            best[period] = (total + cost, count + 1, (*trainings, period))
        for model, (total, count, trainings) in best.items():
            lost = losses.rows[period] * losses.mean[model][period]
            best[model] = (total + lost, count, trainings)
    return scheduled(losses, min(best.values())[2], cost)


def gains(losses: Losses, schedule: RetrainingSchedule) -> list[Gain]:
    """Return what each retraining of a schedule would have gained over the model before it."""
    found, before = [], 0
    ends = (*schedule.trainings[1:], losses.periods)
    each = schedule.cost / max(len(schedule.trainings), 1)
    for training, end in zip(schedule.trainings, ends, strict=True):
        periods = range(training, end)
        gain = math.fsum(
            losses.rows[p] * (losses.mean[before][p] - losses.mean[training][p]) for p in periods
        )
        error = math.sqrt(
            math.fsum(
                losses.rows[p] ** 2
                * (losses.error[before][p] ** 2 + losses.error[training][p] ** 2)
                for p in periods
            )
        )
        found.append(Gain(training, gain, error, each, _verdict(gain - each, error)))
        before = training
    return found


def _verdict(net: float, error: float) -> str:
    if abs(net) <= _ERRORS * error:
        return UNSURE if error else DOESNT
    return HELPS if net > 0.0 else DOESNT
