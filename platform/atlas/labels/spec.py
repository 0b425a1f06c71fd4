"""What is joined by what: the params of a `LabelJoin`, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.labels.matching import DIRECTIONS
from atlas.labels.measures import Columns
from atlas.labels.times import EARLIER, ERROR, LATER, zone_of
from atlas.values import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

DUPLICATES = ("last", "first", "error")
"""Which of several labels of one delivery counts for the same key and time."""


@dataclass(frozen=True)
class JoinSpec:
    """What is joined by what; `LabelJoin` explains each.

    Raises:
        AtlasError: a value isn't one of those expected.
    """

    key: tuple[str, ...]
    label: str
    prediction: str = ""
    score: str = ""
    positive: Any = 1
    time: str = ""
    label_time: str = ""
    tolerance: str = "0s"
    direction: str = "nearest"
    timezone: str = "UTC"
    prediction_timezone: str = "UTC"
    ambiguous: str = EARLIER
    duplicates: str = "last"
    version: str = "model_version"
    slices: tuple[str, ...] = ()
    least: int = 1

    def __post_init__(self) -> None:
        """Check every value."""
        _one_of("direction", self.direction, DIRECTIONS)
        _one_of("ambiguous", self.ambiguous, (EARLIER, LATER, ERROR))
        _one_of("duplicates", self.duplicates, DUPLICATES)
        for name in (self.timezone, self.prediction_timezone):
            zone_of(name)
        if not self.key:
            raise AtlasError("key: found no column, expected at least one")
        if not self.prediction and not self.score:
            raise AtlasError("prediction, score: neither names a column; expected one of them")
        if self.least < 1:
            raise AtlasError(f"least: found {self.least}, expected at least 1 label")
        _ = self.seconds

    @property
    def seconds(self) -> float:
        """How far a label's time may be from the prediction's.

        Raises:
            AtlasError: it isn't a duration.
        """
        try:
            return seconds(self.tolerance)
        except (ValueError, TypeError, KeyError, IndexError):
            found = f"tolerance: found {self.tolerance!r}"
            raise AtlasError(f"{found}, expected a duration such as 30m, 2h or 1d") from None

    @property
    def columns(self) -> Columns:
        """The columns that metrics are computed from."""
        return Columns(self.label, self.prediction, self.score, self.positive)

    @property
    def prediction_columns(self) -> tuple[str, ...]:
        """The columns that predictions must have."""
        named = (*self.key, self.prediction, self.score, self.time, *self.slices)
        return tuple(dict.fromkeys(name for name in named if name))

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that labels must have."""
        named = (*self.key, self.label, self.label_time)
        return tuple(dict.fromkeys(name for name in named if name))


def _one_of(name: str, value: str, expected: Sequence[str]) -> None:
    if value not in expected:
        raise AtlasError(f"{name}: found {value!r}, expected {' or '.join(expected)}")
