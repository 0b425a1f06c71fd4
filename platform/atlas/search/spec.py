"""A search as data: what is tried, how, how often, and what counts."""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.values import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

GRID, RANDOM, TPE = "grid", "random", "tpe"
MAXIMIZE, MINIMIZE = "maximize", "minimize"
ROUNDS = 200
"""The most rounds that a search may have: each is two steps of the pipeline."""
TRIALS, CONCURRENCY = 20, 4
"""What a search has that doesn't say."""
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Dimension:
    """What one param may be: one of some choices, or a number of a range.

    Attributes:
        choices: the values, where it has no range.
        low: the least number.
        high: the greatest number.
        step: how far numbers are apart, counted from ``low``; None for any.
        log: whether each order of magnitude gets as many trials.
        integer: whether only whole numbers are tried.
    """

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    integer: bool = False

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Dimension:
        """Build one from its JSON; whole numbers alone stand for whole numbers."""
        if "choices" in raw:
            return cls(tuple(raw["choices"]))
        numbers = [raw[name] for name in ("low", "high", "step") if name in raw]
        integer = raw.get("integer", all(isinstance(number, int) for number in numbers))
        step = raw.get("step", 1 if integer and not raw.get("log") else None)
        return cls((), raw["low"], raw["high"], step, raw.get("log", False), integer)

    @property
    def size(self) -> int | None:
        """How many values there are; None where they can't be counted."""
        if self.choices:
            return len(self.choices)
        if self.step is None:
            return int(self.high) - int(self.low) + 1 if self.integer else None
        return math.floor((self.high - self.low) / self.step + _SLACK) + 1

    @property
    def has_grid(self) -> bool:
        """Whether it says by itself which values a grid has."""
        return bool(self.choices) or self.step is not None

    def at(self, index: int) -> Any:
        """Return the value of a place, of those that can be counted."""
        if self.choices:
            return self.choices[index]
        return self._number(self.low + index * (self.step or 1))

    def drawn(self, chance: float) -> Any:
        """Return the value that a number from 0 up to, but not, 1 stands for."""
        size = self.size
        if size is not None and not self.log:
            return self.at(min(int(chance * size), size - 1))
        if not self.log:
            return self._number(self.low + chance * (self.high - self.low))
        half = 0.5 if self.integer else 0.0  # so that both ends get their share
        low, high = math.log(self.low - half), math.log(self.high + half)
        value = math.exp(low + chance * (high - low))
        return self._number(min(max(value, self.low), self.high))

    def _number(self, value: float) -> float:
        return round(value) if self.integer else float(f"{float(value):.12g}")


@dataclass(frozen=True, slots=True)
class PruningRule:
    """When a trial is given up: its best value so far is worse than most earlier trials' was.

    Attributes:
        after_trials: how many finished trials it is compared with at least.
        after_steps: up to which step nothing is given up.
        quantile: which share of the earlier trials has to be better.
    """

    after_trials: int = 4
    after_steps: int = 0
    quantile: float = 0.5


@dataclass(frozen=True)
class SearchSpec:
    """A search, as its step's JSON has it.

    Attributes:
        space: param → what it may be.
        trials: how many trials there are at most.
        concurrency: how many are proposed, and run, together: a round.
        time: how many seconds trials may take in all before no further round begins; or None.
        max_failed: how many trials may fail before the search does; None for all but one.
    """

    space: Mapping[str, Dimension]
    metric: str
    goal: str
    method: str = RANDOM
    trials: int = TRIALS
    concurrency: int = CONCURRENCY
    time: float | None = None
    max_failed: int | None = None
    seed: int = 0
    refit: bool = False
    pruning: PruningRule | None = None
    evaluate: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> SearchSpec:
        """Build a search from its JSON."""
        space = {name: Dimension.parse(raw["space"][name]) for name in sorted(raw["space"])}
        rest = ("metric", "goal", "method", "concurrency", "max_failed", "seed", "refit")
        method = raw.get("method", RANDOM)
        points = grid_size(space) if method == GRID else TRIALS
        return cls(
            space,
            trials=raw.get("trials", points),
            time=seconds(raw["time"]) if "time" in raw else None,
            pruning=PruningRule(**raw["pruning"]) if "pruning" in raw else None,
            **{name: raw[name] for name in (*rest, "evaluate") if name in raw},
        )

    @property
    def rounds(self) -> tuple[int, ...]:
        """How many trials each round has."""
        whole, left = divmod(self.trials, self.concurrency)
        return (self.concurrency,) * whole + ((left,) if left else ())


def grid_size(space: Mapping[str, Dimension]) -> int:
    """Return how many points a grid has; 0 where a range has no steps."""
    return math.prod(one.size or 0 if one.has_grid else 0 for one in space.values())
