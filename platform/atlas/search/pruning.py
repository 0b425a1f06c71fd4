"""Which trials are given up: a rule over what earlier rounds have shown, the same everywhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from atlas.search.history import FAILED, sign_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.search.spec import PruningRule

_MOST_STEPS = 50
"""At how many steps a trial is compared at most: what is handed to it has to stay small."""
MOST_REPORTS = 1000
"""How many values of one trial are kept."""


class PrunedTrial(BaseException):
    """Ends a trial that is given up; no error, so that ``except Exception`` doesn't keep it."""


def bounds_of(history: Sequence[Any], goal: str, rule: PruningRule) -> dict[str, float]:
    """Return step → the value that a trial's best so far mustn't be worse than.

    It is the quantile of the earlier trials' best values so far at that step, as in the median
    rule of Vizier (Golovin et al., 2017).
    """
    curves = [_best_so_far(trial["reports"], goal) for trial in history if _counts(trial)]
    if len(curves) < rule.after_trials:
        return {}
    steps = sorted({step for curve in curves for step in curve if step > rule.after_steps})
    bounds = {}
    for step in _thinned(steps):
        values = sorted(curve[step] for curve in curves if step in curve)
        if len(values) >= rule.after_trials:
            place = min(int(rule.quantile * len(values)), len(values) - 1)
            bounds[str(step)] = sign_of(goal) * values[place]
    return bounds


def _counts(trial: Any) -> bool:
    return trial["state"] != FAILED and bool(trial["reports"])


def _best_so_far(reports: Sequence[Any], goal: str) -> dict[int, float]:
    """Return step → the best value up to it, greater being better."""
    best, curve = -math.inf, {}
    for step, value in sorted(reports):
        best = max(best, sign_of(goal) * value)
        curve[int(step)] = best
    return curve


def _thinned(steps: Sequence[int]) -> list[int]:
    apart = max(1, math.ceil(len(steps) / _MOST_STEPS))
    return list(steps[::apart])


class TrialProgress:
    """Takes a trial's values on its way, and ends it where it is given up."""

    def __init__(self, bounds: Mapping[str, float], goal: str) -> None:
        """Compare with these bounds; without any, only keep what is reported."""
        self.reports: list[tuple[int, float]] = []
        self._bounds = bounds
        self._sign = sign_of(goal)
        self._best = -math.inf

    def __call__(self, value: float, step: int, /) -> None:
        """Take a value.

        Raises:
            PrunedTrial: the trial is worse than most were at this step.
            ValueError: it isn't a finite number, or the step isn't a whole number from 0 on.
        """
        number, at = _number(value), _step(step)
        if len(self.reports) < MOST_REPORTS:
            self.reports.append((at, number))
        self._best = max(self._best, self._sign * number)
        bound = self._bounds.get(str(at))
        if bound is not None and self._best < self._sign * bound:
            raise PrunedTrial


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"found the value {value!r}, expected a finite number")
    return number


def _step(step: Any) -> int:
    at = int(step)
    if at != step or at < 0:
        raise ValueError(f"found the step {step!r}, expected a whole number from 0 on")
    return at
