"""What a replay goes over: a champion's batches, one after the other."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.profiles.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.monitor.row_metrics import LossAtTest, LossSums

NO_COLUMNS = Profile({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedBatch:
    """One batch.

    Attributes:
        name: what it is called.
        rows: how many rows it has.
        is_new: whether its rows are newer than the champion's training.
        counts: of its columns, as ``table.column``; none where it has no profile.
        window: the places of the batches that are looked at with it, itself the last.
        labels: how many labels it has by now.
        losses: of its labelled rows; None without any, or without a metric of rows.
        known: the place of the batch during which the last of its labels came.
    """

    name: str
    rows: int
    is_new: bool = True
    counts: Profile = NO_COLUMNS
    window: tuple[int, ...] = ()
    labels: int = 0
    losses: LossSums | None = None
    known: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The batches of one champion.

    Attributes:
        pipeline: the pipeline that scores them.
        champion: the version.
        batches: the batches, the oldest first.
        beside: the reference's counts, by ``table.column``; None where there is no reference.
        learnt: the tolerances of distributions and of missing values that training has learnt.
        score: the losses of the champion's test; None where they aren't known.
        changed: the place of the first batch with a change, of made-up ones; None if not known.
        warnings: what can't be replayed, and why.
    """

    pipeline: str
    champion: str
    batches: tuple[ReplayedBatch, ...]
    beside: Profile | None = None
    learnt: tuple[Mapping[str, float], Mapping[str, float]] = field(
        default_factory=lambda: ({}, {})
    )
    score: LossAtTest | None = None
    changed: int | None = None
    warnings: tuple[str, ...] = ()

    def tolerances(self, tolerance: Any) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Return the tolerances that a rule names.

        Args:
            tolerance: ``learned``, a number for all columns, or numbers by column.
        """
        columns = self.beside.features if self.beside else {}
        if isinstance(tolerance, int | float):
            same = dict.fromkeys(columns, float(tolerance))
            return same, same
        if isinstance(tolerance, str):
            return self.learnt
        own = {name: tolerance.get(name.partition(".")[2], 0.0) for name in columns}
        return own, own
