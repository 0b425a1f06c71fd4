"""What the ledger of a champion's life says of drift, for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.monitor.budget import Budget
from atlas.monitor.drift import Measured
from atlas.monitor.references import TABLES, load_profile
from atlas.monitor.report.content import Course, Line
from atlas.monitor.report.suspects import LookedTable, PastLook
from atlas.monitor.report.words import percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.monitor.ledger import LifeLedger
    from atlas.monitor.looks import LookResult, Terms
    from atlas.monitor.references import ModelReference
    from atlas.profiles.profile import Profile
    from atlas.store import Store

MOST_LOOKS = 60
"""The most looks that a picture shows, the last ones."""
_FIELDS = Measured.__slots__


@dataclass(frozen=True, slots=True)
class SeenDrift:
    """What looks for drift have seen.

    Attributes:
        looks: how many there were.
        last: what the last one saw that saw something; None without one.
        tables: likewise, by the kind of table.
        budget: the picture of the risk that is spent; None before the first look.
    """

    looks: int
    last: LookResult | None
    tables: tuple[LookedTable, ...]
    budget: Course | None


def seen_drift(store: Store, ledger: LifeLedger, reference: ModelReference | None) -> SeenDrift:
    """Return what looks have seen.

    Args:
        store: the artifact store.
        ledger: of the champion's life.
        reference: the champion's; None where it can't be read: then there are no distributions.

    Raises:
        StoreError: a record can't be read.
    """
    count, terms = ledger.count, ledger.terms
    numbers = range(max(1, count - MOST_LOOKS + 1), count + 1)
    results = [result for number in numbers if (result := ledger.result(number)) is not None]
    seen = [result for result in results if not result.void]
    reading = _Reading(store, ledger, reference)
    tables = [reading.table(of, seen) for of in TABLES] if seen else []
    shown = tuple(table for table in tables if table.measured)
    budget = _budget(terms, count) if terms else None
    return SeenDrift(count, seen[-1] if seen else None, shown, budget)


class _Reading:
    """Reads what there is beside the results of looks."""

    def __init__(self, store: Store, ledger: LifeLedger, reference: ModelReference | None) -> None:
        self.store, self.ledger, self.reference = store, ledger, reference
        lines = enumerate(ledger.lines, start=1)
        self.names = {number: line.interval_end or line.batch for number, line in lines}

    def table(self, of: str, seen: Sequence[LookResult]) -> LookedTable:
        """Return what looks have seen of one kind of table."""
        past = [
            PastLook(self.names.get(result.number, result.batch), _worst(_measured(result, of)))
            for result in seen
        ]
        beside = self.reference.profiles.get(of) if self.reference else None
        window = [*self._window(of, seen[-1].number)] if beside else []
        return LookedTable(of, [*_measured(seen[-1], of)], past, beside, window)

    def _window(self, of: str, number: int) -> Iterator[Profile]:
        """Give the batches of a look as far as their counts are there."""
        look, reference = self.ledger.look(number), self.reference
        if look is None or reference is None or look.reference != reference.sha256:
            return
        for entry in look.window:
            sha256 = entry.get("profiles", {}).get(of)
            try:
                if sha256 is not None:
                    beside = reference.profiles[of]
                    yield load_profile(self.store, sha256, beside, reference.tables[of].profile)
            except AtlasError:
                continue  # the counts were pruned; what the look saw is recorded


def _measured(result: LookResult, of: str) -> Iterator[Measured]:
    """Give what a look has measured of a table: its alarms, and of each column and test the worst.

    What isn't as `Measured` has it, of a later version, is left out.
    """
    told: set[tuple[Any, ...]] = set()
    for raw in (*result.alarms, *result.measured):
        key = (raw.get("feature"), raw.get("test"), raw.get("window"))
        if raw.get("table") != of or key in told or not raw.keys() >= {*_FIELDS}:
            continue
        told.add(key)
        yield Measured(**{name: raw[name] for name in _FIELDS})


def _worst(measured: Iterator[Measured]) -> dict[str, Measured]:
    """Return of each column the first test: they are in the order of their chance."""
    worst: dict[str, Measured] = {}
    for one in measured:
        worst.setdefault(one.feature, one)
    return worst


def _budget(terms: Terms, count: int) -> Course:
    """Return the picture of the risk that is spent, and of what is planned."""
    budget = Budget(terms.false_alarms, terms.looks)
    most = max(terms.looks, count, 2)
    numbers = sorted({round(1 + place * (most - 1) / 99) for place in range(100)} | {count} - {0})
    spent = [budget.spent(number) if number <= count else None for number in numbers]
    planned = [budget.spent(number) if number >= count else None for number in numbers]
    now = budget.spent(count) if count else 0.0
    return Course(
        title="Risk of a false alarm of drift",
        batches=[str(number) for number in numbers],
        lines=(
            Line("spent", "now", spent),
            Line("planned", "plan", planned),
            Line("budget", "limit", [terms.false_alarms] * len(numbers)),
        ),
        percent=True,
        text=f"{percent(now)} of {percent(terms.false_alarms)} is spent after {count:,} looks, of "
        f"{terms.looks:,} that are expected, over {len(terms.columns):,} columns.",
    )
