"""The axes of parallel coordinates: where a value stands on its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.search.spec import Dimension

_TICKS = 5
_MOST_LABELS = 12
_LONGEST = 14


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        name: what it shows.
        choices: its values as text, from the bottom up; empty for numbers.
        low: the number at the bottom.
        high: the number at the top.
        log: whether it is logarithmic.
    """

    name: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False

    @classmethod
    def of(cls, name: str, dimension: Dimension) -> Axis:
        """Return the axis of a param."""
        if not dimension.choices:
            return cls(name, (), dimension.low, dimension.high, dimension.log)
        return cls(name, tuple(map(text_of, dimension.choices)))

    @classmethod
    def over(cls, name: str, values: Sequence[float]) -> Axis:
        """Return the axis that these numbers fit on."""
        low, high = min(values, default=0.0), max(values, default=1.0)
        margin = (high - low) * 0.02 or max(abs(low) * 0.02, 1e-9)
        return cls(name, (), low - margin, high + margin)

    def place(self, value: Any) -> float:
        """Return where a value stands: 0 is the bottom, 1 the top."""
        if self.choices:
            return (self.choices.index(text_of(value)) + 0.5) / len(self.choices)
        low, high, own = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        return min(max((own - low) / (high - low), 0.0), 1.0) if high > low else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Return where there are marks, and what stands beside them."""
        if self.choices:
            every = math.ceil(len(self.choices) / _MOST_LABELS)
            shown = range(0, len(self.choices), every)
            return [((i + 0.5) / len(self.choices), _cut(self.choices[i])) for i in shown]
        places = [i / (_TICKS - 1) for i in range(_TICKS)]
        return [(place, number(self._at(place))) for place in places]

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value

    def _at(self, place: float) -> float:
        low, high = self._scaled(self.low), self._scaled(self.high)
        value = low + place * (high - low)
        return math.exp(value) if self.log else value


def text_of(value: Any) -> str:
    """Return a param's value as text."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return number(value) if is_number else canonical(value)


def number(value: float) -> str:
    """Return a number as people read it."""
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
