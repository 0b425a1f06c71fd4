"""One look at a batch: what it is of is entered first, what it sees follows from that alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.errors import ProfileError
from atlas.monitor.budget import Budget
from atlas.monitor.drift import WINDOWS, DriftRule, Measured, look
from atlas.monitor.looks import EVERY, LookResult
from atlas.monitor.references import has_profile, load_profile
from atlas.profiles.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from atlas.monitor.batches import BatchRecord
    from atlas.monitor.drift import DriftLook
    from atlas.monitor.looks import Look
    from atlas.monitor.references import ModelReference
    from atlas.profiles.profile import Feature
    from atlas.store import Store

MOST_ALARMS, MOST_MEASURED, MOST_UNSEEN = 500, 1000, 20
ALIKE_ROWS = 30
"""Batches with the same counts of at least so many rows are the same rows, scored twice."""
_CACHED = 16
"""Profiles of batches that are kept while looks are made; a window has 8."""


def window_of(record: BatchRecord, own: Sequence[BatchRecord]) -> list[BatchRecord]:
    """Return a batch and those before it that are looked at with it, the oldest first.

    Rows must not be in a window twice: so it has no two batches whose intervals overlap, and no two
    of the same counts, which are the same rows scored twice.

    Args:
        record: the batch.
        own: the champion's batches, the oldest first.
    """
    window = [record]
    place = next(n for n, other in enumerate(own) if other.batch == record.batch)
    for other in reversed(own[:place]):
        if len(window) == WINDOWS[-1]:
            break
        has_rows = other.rows and other.profiles
        if has_rows and not any(_share_rows(other, inside) for inside in window):
            window.append(other)
    return window[::-1]


def row_counts(record: BatchRecord) -> tuple[str, ...]:
    """Return the digests of a batch's counts, the same for the same rows; empty where not known."""
    return tuple(sorted(record.profiles.values()))


def _share_rows(some: BatchRecord, other: BatchRecord) -> bool:
    """Tell whether two batches have rows in common, as far as that can be told."""
    alike = some.rows >= ALIKE_ROWS and row_counts(some) == row_counts(other)
    return alike or _overlap(some, other)


def _overlap(some: BatchRecord, other: BatchRecord) -> bool:
    """Tell whether the intervals of two batches overlap."""
    if not (some.interval_start and other.interval_start):
        return False
    starts, ends = (
        [datetime.fromisoformat(getattr(one, name)) for one in (some, other)]
        for name in ("interval_start", "interval_end")
    )
    return max(starts) < min(ends)


class Looking:
    """Makes the looks of one life.

    Attributes:
        store: the artifact store.
        reference: what the champion was trained on.
        columns: the columns that the risk is spread over, as ``table.column``.
        beside: the reference's counts of these, by these names.
    """

    def __init__(self, store: Store, reference: ModelReference, columns: Iterable[str]) -> None:
        """Take the columns of a reference; one that it doesn't have is left out."""
        self.store, self.reference = store, reference
        whole = _named(reference.profiles)
        self.columns = [name for name in columns if name in whole.features]
        self.beside = Profile({name: whole.features[name] for name in self.columns})
        self._profiles: dict[str, Profile] = {}

    def result(self, of: Look, now: str) -> LookResult:
        """Return what a look sees.

        Args:
            of: what it is of.
            now: the time, ISO 8601 in UTC.

        Raises:
            StoreError: the store can't be read.
        """
        void = self._void(of)
        try:
            if not void:
                return self._seen(of, self._look(of), now)
        except ProfileError as error:
            void = str(error)
        return LookResult(of.number, of.batch, void=void, made=now)

    def _void(self, of: Look) -> str:
        """Return why nothing can be seen any more; empty where it can."""
        if of.reference != self.reference.sha256:
            return "the champion has another reference now"
        for entry in of.window:
            for sha256 in entry["profiles"].values():
                if sha256 not in self._profiles and not has_profile(self.store, sha256):
                    return f"the counts of {entry['batch']} are gone"
        return ""

    def _look(self, of: Look) -> DriftLook:
        batches = [self.batch(entry["profiles"]) for entry in of.window]
        budget = Budget(of.false_alarms, of.looks)
        distributions, missing = self.tolerances(of.tolerance)
        return look(self.beside, batches, of.number, DriftRule(budget, distributions, missing))

    def batch(self, profiles: Mapping[str, str]) -> Profile:
        """Return a batch's counts of the columns that it has."""
        named: dict[str, Feature] = {}
        for table, sha256 in profiles.items():
            counts = self._counts(table, sha256)
            named |= {f"{table}.{n}": f for n, f in counts.features.items()} if counts else {}
        return Profile({name: named[name] for name in self.columns if name in named})

    def _counts(self, table: str, sha256: str) -> Profile | None:
        beside = self.reference.profiles.get(table)
        if beside is None:
            return None
        if sha256 not in self._profiles:
            while len(self._profiles) >= _CACHED:
                del self._profiles[next(iter(self._profiles))]
            named = self.reference.tables[table].profile
            self._profiles[sha256] = load_profile(self.store, sha256, beside, named)
        return self._profiles[sha256]

    def tolerances(self, tolerance: Any) -> tuple[dict[str, float], dict[str, float]]:
        """Return which differences aren't drift, of distributions and of missing values."""
        if isinstance(tolerance, int | float):
            same = dict.fromkeys(self.columns, float(tolerance))
            return same, same
        if isinstance(tolerance, dict):
            own = {
                name: tolerance[name.partition(".")[2]]
                for name in self.columns
                if name.partition(".")[2] in tolerance
            }
            return own, own
        learnt = {table: self.reference.tolerances(table) for table in self.reference.tables}
        both: tuple[dict[str, float], dict[str, float]] = ({}, {})
        for table, found in learnt.items():
            for named, by_column in zip(
                both, (found.distributions, found.missing) if found else (), strict=False
            ):
                named |= {f"{table}.{column}": number for column, number in by_column.items()}
        return both

    def _seen(self, of: Look, found: DriftLook, now: str) -> LookResult:
        may = set(self.columns if tuple(of.columns) == EVERY else of.columns)
        measured = [one for one in found.measured if one.feature in may]
        alarms = [one for one in measured if one.alarms]
        worst: dict[tuple[str, str], Measured] = {}
        for one in measured:
            worst.setdefault((one.feature, one.test), one)
        unseen = {
            name: dict([*counts.items()][:MOST_UNSEEN]) for name, counts in found.unseen.items()
        }
        return LookResult(
            of.number,
            of.batch,
            alarms=[_plain(one) for one in alarms[:MOST_ALARMS]],
            measured=[_plain(one) for one in [*worst.values()][:MOST_MEASURED]],
            gone=[*found.gone],
            unseen=unseen,
            made=now,
        )


def columns_of(reference: ModelReference) -> list[str]:
    """Return all columns of a reference, as ``table.column``."""
    return [*_named(reference.profiles).features]


def _named(profiles: Mapping[str, Profile]) -> Profile:
    """Return the columns of several tables as those of one, each as ``table.column``."""
    return Profile(
        {
            f"{table}.{name}": replace(feature, name=f"{table}.{name}")
            for table, profile in profiles.items()
            for name, feature in profile.features.items()
        }
    )


def _plain(one: Measured) -> dict[str, Any]:
    table, _, feature = one.feature.partition(".")
    raw = {name: getattr(one, name) for name in Measured.__slots__}
    return {**raw, "table": table, "feature": feature}
