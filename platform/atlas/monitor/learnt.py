"""What training has learnt of one table, but for the counts themselves; a part of a reference."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.monitor.estimate import Calibration
from atlas.monitor.tolerance import Tolerances
from atlas.store.manifest import DIGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class LearntTable:
    """What training has learnt of one table, but for the counts themselves.

    Attributes:
        profile: sha256 of its profile.
        rows: how many rows it has.
        source: the step's output that it is, as ``step.output``.
        tolerances: which differences aren't drift; None where that wasn't learnt.
        time: the column by whose values the rows were put in order for that; empty without one.
        block_seconds: how long a block of rows is; 0 where blocks have equally many rows.
        outside: column → the largest share of a block's rows beyond the range, or the categories,
            of all other blocks; of those where there is one.
        gaps: column → the largest share of missing values in a block; of those where it is more
            than chance explains.
        varying: the columns that have different values in each block of time.
        score: of predictions, the column with the score that `calibration` is of, or empty.
        calibration: how often labels are positive at each score; None without labels.
    """

    profile: str
    rows: int
    source: str = ""
    tolerances: Tolerances | None = None
    time: str = ""
    block_seconds: float = 0.0
    outside: Mapping[str, float] = field(default_factory=dict)
    gaps: Mapping[str, float] = field(default_factory=dict)
    varying: tuple[str, ...] = ()
    score: str = ""
    calibration: Calibration | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, without what is empty."""
        raw = {name: getattr(self, name) for name in self.__slots__}
        if self.tolerances is not None:
            tolerances = self.tolerances
            raw["tolerances"] = {name: getattr(tolerances, name) for name in tolerances.__slots__}
        if self.calibration is not None:
            raw["calibration"] = self.calibration.to_json()
        return {name: value for name, value in raw.items() if value or name == "rows"}

    @classmethod
    def from_json(cls, raw: Any) -> LearntTable:
        """Read back what `to_json` gave; fields of later versions are left.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(raw, dict):
            raise ValueError(f"found a {type(raw).__name__}, expected an object")
        plain = {name: raw[name] for name in cls.__slots__ if name in raw}
        try:
            plain |= {name: read(plain[name]) for name, read in _READ.items() if name in plain}
            table = cls(**plain)
        except (TypeError, ProfileError) as error:
            raise ValueError(str(error)) from None
        texts = (table.source, table.time, table.score, *table.varying)
        if not all(isinstance(text, str) for text in texts) or type(table.rows) is not int:
            raise ValueError("a field is of another kind than expected")
        _check_shares("outside", table.outside)
        _check_shares("gaps", table.gaps)
        if not isinstance(table.profile, str) or not DIGEST.fullmatch(table.profile):
            raise ValueError(f"profile: found {str(table.profile)[:80]!r}, expected a sha256")
        return table


def _tolerances(raw: Any) -> Tolerances:
    tolerances = Tolerances(**raw)
    _check_shares("tolerances", tolerances.distributions)
    _check_shares("tolerances", tolerances.missing)
    return tolerances


def _check_shares(what: str, named: Any) -> None:
    if not isinstance(named, dict):
        raise ValueError(f"{what}: expected numbers by column")
    for column, number in named.items():
        if not isinstance(number, int | float) or not 0.0 <= number <= 1.0:
            raise ValueError(f"{what}: {column!r}: expected a number from 0 to 1")


_READ: Mapping[str, Callable[[Any], Any]] = {
    "tolerances": _tolerances,
    "calibration": Calibration.from_json,
    "varying": tuple,
}
