"""What has been looked at in a champion's life, so that each batch has one look and one number.

    monitor/<pipeline>/<model>@<version>-<digest>/terms.json       what holds for the whole life
                                                 /looks/<n>.json    what look n is of
                                                 /results/<n>.json  what it saw
                                                 /labels/<n>.json   losses, as they became known
                                                 /tested-….json     the losses of its test
                                                 /baseline.json     labels that were there at first
                                                 /summary.json      a copy, safe to lose

Every file but the last is created exclusively and never changes, so that no lock is needed, and a
lease that ends too early does no harm:

- Whoever creates ``looks/<n>`` has read all numbers below n. So it knows of every batch that has a
  number, and gives none a second one; of two that create n at once, one finds that it was late,
  and reads on. A process that is killed before it creates n has used nothing up.
- A look's file says all that its test depends on: the batches' counts by their digests, the
  reference, the tolerances, and the risk. What it saw follows from that. So a process that is
  killed after it, or that works on the same look at the same time, finds the same; it is one
  chance, not two. A batch that is scored again in between has other counts, of another digest: the
  look stays that of the first. Where these counts are gone, it is void, and sees no drift.

So the looks of a life have the numbers 1, 2, …, each once, and `atlas.monitor.budget` spends a
number's risk once. A life goes on when its champion is demoted and promoted again: it is called by
the version and its digest.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.monitor.events import MONITOR
from atlas.monitor.looks import (
    Baseline,
    LabelledPart,
    LedgerRecord,
    Look,
    LookResult,
    LossesAtTest,
    Terms,
)
from atlas.store.keys import run_key
from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Store

_DIGITS = 9
_FORMAT = 1


RecordT = TypeVar("RecordT", bound=LedgerRecord)


@dataclass(frozen=True, slots=True)
class LookLine:
    """What is kept at hand of a look that is over.

    Attributes:
        batch: the batch that it was about.
        counts: digests of the batch's counts, one text.
        alarms: how many distances alarm.
        interval_end: of the batch.
    """

    batch: str
    counts: str
    alarms: int
    interval_end: str

    @classmethod
    def of(cls, look: Look, result: LookResult) -> LookLine:
        """Return the line of a look."""
        return cls(look.batch, counts_of(look.window[-1]), len(result.alarms), look.interval_end)


def counts_of(entry: Mapping[str, Any]) -> str:
    """Return the digests of a batch's counts as one text; the same for the same counts."""
    return " ".join(f"{table} {sha256}" for table, sha256 in sorted(entry["profiles"].items()))


class LifeLedger:
    """The ledger of one life. What was read is kept: of each file, one read.

    Attributes:
        store: the store.
        folder: its folder there.
        lines: the looks that are over, from the first on.
        unfinished: those that have a number behind them.
        parts: losses in the order in which they became known.
        batches: the names of all batches that have a number.
        counts: their counts, as `counts_of` has them.
    """

    def __init__(self, store: Store, pipeline: str, model: str, version: str, digest: str) -> None:
        """Open the ledger; nothing is written before something is looked at.

        Args:
            store: the artifact store.
            pipeline: the pipeline's name, with the Environment's prefix.
            model: the model's registered name.
            version: the champion's version.
            digest: digest of its parts.

        Raises:
            StoreError: a name can't be a folder's.
        """
        self.store = store
        name = f"{model}@{version}-{digest[:12]}"
        run_key(pipeline, name)
        self.folder = f"{MONITOR}/{pipeline}/{name}"
        self.lines: list[LookLine] = []
        self.parts: list[LabelledPart] = []
        self.unfinished: list[Look] = []
        self.batches: set[str] = set()
        self.counts: set[str] = set()
        self._kept = (0, 0)
        self._read_summary()
        self.read_on()

    # Looks ----------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many looks have a number."""
        return len(self.lines) + len(self.unfinished)

    @cached_property
    def terms(self) -> Terms | None:
        """What holds for all looks; None before the first."""
        return self._find("terms", Terms)

    def begin(self, terms: Terms) -> Terms:
        """Write what is to hold for all looks, and return what holds: the first writer's."""
        self.store.location.create(self._key("terms"), terms.to_bytes())
        vars(self).pop("terms", None)
        return self.terms or terms

    def read_on(self) -> None:
        """Read the looks and the labelled parts that have come since."""
        while (look := self._find(_numbered("looks", self.count + 1), Look)) is not None:
            self._add(look)
            self._settle()
        number = len(self.parts) + 1
        while (part := self._find(_numbered("labels", number), LabelledPart)) is not None:
            self.parts.append(part)
            number += 1

    def enter(self, look: Look) -> bool:
        """Give a look its number, unless another process was faster; tell whether it has it.

        Args:
            look: its number is the next one, of a ledger that was read up to there.
        """
        if look.number != self.count + 1:
            raise ValueError(f"look {look.number}: expected {self.count + 1}")
        key = self._key(_numbered("looks", look.number))
        if not self.store.location.create(key, look.to_bytes()):
            self.read_on()
            return False
        self._add(look)
        return True

    def _add(self, look: Look) -> None:
        self.unfinished.append(look)
        self.batches.add(look.batch)
        self.counts.add(counts_of(look.window[-1]))

    def finish(self, result: LookResult) -> LookResult:
        """Write what a look saw, unless another process has, and return what holds."""
        key = _numbered("results", result.number)
        self.store.location.create(self._key(key), result.to_bytes())
        held = self._find(key, LookResult) or result
        self._settle()
        return held

    def _settle(self) -> None:
        """Move the first looks that are over to the lines."""
        while self.unfinished:
            look = self.unfinished[0]
            result = self.result(look.number)
            if result is None:
                return
            self.lines.append(LookLine.of(look, result))
            del self.unfinished[0]

    def look(self, number: int) -> Look | None:
        """Return what a look is of; None where there is no such look."""
        return self._find(_numbered("looks", number), Look)

    def result(self, number: int) -> LookResult | None:
        """Return what a look saw; None where it isn't over."""
        return self._find(_numbered("results", number), LookResult)

    # Labels ---------------------------------------------------------------------------------

    def count_losses(self, part: LabelledPart) -> bool:
        """Write losses that have become known; tell whether they are the next ones.

        Where another process was faster, its part is read: what is new has to be found again.
        """
        key = self._key(_numbered("labels", part.number))
        is_next = self.store.location.create(key, part.to_bytes())
        self.read_on()
        return is_next

    def baseline(self, first: Baseline) -> Baseline:
        """Return what was there when the life was first looked at; that is now, at first."""
        self.store.location.create(self._key("baseline"), first.to_bytes())
        return self._find("baseline", Baseline) or first

    def tested(self, metric: str, column: str) -> LossesAtTest | None:
        """Return the losses of the champion's test; None before they were found."""
        return self._find(_tested(metric, column), LossesAtTest)

    def keep_tested(self, losses: LossesAtTest) -> None:
        """Keep the losses of the champion's test: its rows are read once in a life."""
        key = self._key(_tested(losses.metric, losses.column))
        self.store.location.create(key, losses.to_bytes())

    # Files ----------------------------------------------------------------------------------

    def keep(self) -> None:
        """Write the summary, where something has come since it was read."""
        size = (len(self.lines), len(self.parts))
        if size == self._kept:
            return
        lines = [[line.batch, line.counts, line.alarms, line.interval_end] for line in self.lines]
        parts = [[part.losses, part.metric, part.measurer] for part in self.parts]
        content = canonical({"format": _FORMAT, "looks": lines, "labels": parts})
        self.store.location.write(self._key("summary"), content.encode("utf-8", "surrogatepass"))
        self._kept = size

    def _read_summary(self) -> None:
        """Read the copy; one that can't be read isn't there."""
        try:
            raw = json.loads(self.store.location.read(self._key("summary")))
            if raw["format"] != _FORMAT:
                return
            lines = [LookLine(*line) for line in raw["looks"]]
            parts = [
                LabelledPart(number, *part) for number, part in enumerate(raw["labels"], start=1)
            ]
            for part in parts:
                part.check()
        except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
            return
        self.lines, self.parts, self._kept = lines, parts, (len(lines), len(parts))
        self.batches = {line.batch for line in lines}
        self.counts = {line.counts for line in lines}

    def _find(self, name: str, record: type[RecordT]) -> RecordT | None:
        """Return a record; None where there is none.

        Raises:
            StoreError: it can't be read.
        """
        key = self._key(name)
        try:
            return record.from_bytes(self.store.location.read(key))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            text = f"is none of the monitor's records: {error}"
            raise StoreError(f"{self.store.url}/{key}: {text}; who wrote it?") from None

    def _key(self, name: str) -> str:
        return f"{self.folder}/{name}.json"


def _tested(metric: str, column: str) -> str:
    return f"tested-{digest([metric, column])[:16]}"


def _numbered(folder: str, number: int) -> str:
    return f"{folder}/{number:0{_DIGITS}}"
