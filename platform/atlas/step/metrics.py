"""A step's metrics, as it records them."""

from __future__ import annotations

import math

from atlas.errors import StepError


class MetricsCollector:
    """Collects a step's metrics; what a Context's ``metric`` is in a run."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.values: dict[str, float] = {}

    def __call__(self, name: str, value: float, /) -> None:
        """Record one value; the last one of a name counts.

        Raises:
            StepError: it isn't a finite number.
        """
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise StepError(self.step, f"metric '{name}' is {value!r}, expected a finite number")
        self.values[str(name)] = number
