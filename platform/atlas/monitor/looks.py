"""What a ledger holds: what each look is of and what it saw, and losses that became known."""

from __future__ import annotations

import json
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, Self

from atlas.dataclass import dataclass
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EVERY = ("*",)
"""In place of a list of columns that would be long."""
_FORMAT = 1


class LedgerRecord:
    """A file of the ledger: plain data whose fields are checked when it is read."""

    __slots__ = ()

    def to_bytes(self) -> bytes:
        """Return it as the file holds it."""
        raw = {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]
        return canonical({"format": _FORMAT, **raw}).encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read back what `to_bytes` gave; fields of later versions are left.

        Raises:
            ValueError: it isn't such a record.
        """
        raw = json.loads(content)
        if not isinstance(raw, dict):
            raise ValueError("it isn't an object")
        names = [item.name for item in fields(cls)]  # type: ignore[arg-type]
        try:
            record = cls(**{name: raw[name] for name in names if name in raw})
        except TypeError as error:
            raise ValueError(str(error)) from None
        record.check()
        return record

    def check(self) -> None:
        """Check the kinds of the fields.

        Raises:
            ValueError: one is wrong.
        """
        for name, kinds in _KINDS.items():
            value = getattr(self, name, None)
            if hasattr(self, name) and (not isinstance(value, kinds) or isinstance(value, bool)):
                raise ValueError(f"{name}: found {str(value)[:80]!r}")


_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("number", "rows", "looks", "labels", "n"), (int,)),
    **dict.fromkeys(("risk", "spent", "false_alarms"), (int, float)),
    **dict.fromkeys(("sum", "sum_squares", "skewness"), (int, float)),
    **dict.fromkeys(
        ("batch", "run", "interval_end", "reference", "made", "void", "metric", "measurer"), (str,)
    ),
    **dict.fromkeys(("window", "columns", "alarms", "measured", "gone", "losses"), (list, tuple)),
    **dict.fromkeys(("unseen", "profiles"), (dict,)),
}


@dataclass(frozen=True, slots=True)
class Terms(LedgerRecord):
    """What holds for all looks of a life: as its first one found it.

    Attributes:
        reference: sha256 of the reference; empty where the life began without one.
        false_alarms: the risk of a false alarm in the life.
        looks: how many looks were expected.
        columns: the columns that its risk is spread over, as ``table.column``.
        made: when it was written, ISO 8601 in UTC.
    """

    reference: str
    false_alarms: float
    looks: int
    columns: Sequence[str]
    made: str = ""


@dataclass(frozen=True, slots=True)
class Look(LedgerRecord):
    """What a look is of: all that its test depends on.

    Attributes:
        number: 1, 2, … in the life.
        batch: the batch that it is about.
        run: the run that had scored it.
        rows: of the batch.
        interval_end: of the batch; where it has no interval, when its run began; ISO 8601.
        window: ``batch`` and ``profiles``, table → digest of its counts: of the batch and of up to
            seven before it, the oldest first.
        reference: sha256 of the reference.
        columns: those that may alarm, as ``table.column``; `EVERY` for all of the terms.
        tolerance: as the rule has it: ``learned``, a number, or numbers by column.
        false_alarms: the risk of the whole life, of which this look has its part.
        looks: how many looks were expected.
        risk: of this look.
        spent: of all looks up to and with this one, and of the reference.
        made: when it was written, ISO 8601 in UTC.
    """

    number: int
    batch: str
    run: str
    rows: int
    interval_end: str
    window: Sequence[Mapping[str, Any]]
    reference: str
    columns: Sequence[str]
    tolerance: Any
    false_alarms: float
    looks: int
    risk: float
    spent: float
    made: str = ""


@dataclass(frozen=True, slots=True)
class LookResult(LedgerRecord):
    """What a look saw.

    Attributes:
        number: of the look.
        batch: the batch that it was about.
        alarms: the distances that alarm, at most 500: each as `Measured` has it, with its
            ``table``.
        measured: likewise of each column and test the one that is most against it, alarm or not;
            those of the lowest chance first, at most 1,000.
        gone: columns of the reference that the batch doesn't have, as ``table.column``.
        unseen: ``table.column`` → new categories with their rows.
        void: why nothing could be seen; empty where it could.
        made: when it was written, ISO 8601 in UTC.
    """

    number: int
    batch: str
    alarms: Sequence[Mapping[str, Any]] = ()
    measured: Sequence[Mapping[str, Any]] = ()
    gone: Sequence[str] = ()
    unseen: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    void: str = ""
    made: str = ""


@dataclass(frozen=True, slots=True)
class LabelledPart(LedgerRecord):
    """Losses that became known, in the order in which they were counted.

    Attributes:
        number: 1, 2, … in the life.
        losses: ``batch``, ``n``, ``sum`` and ``sum_squares``, of a part each.
        metric: whose losses.
        measurer: the pipeline and step that measured them, as ``pipeline.step``.
        made: when it was written, ISO 8601 in UTC.
    """

    number: int
    losses: Sequence[Mapping[str, Any]]
    metric: str = ""
    measurer: str = ""
    made: str = ""


@dataclass(frozen=True, slots=True)
class Baseline(LedgerRecord):
    """What was there when a life was first looked at.

    Attributes:
        labels: labels of the batches that were scored before the champion's training.
        made: when it was written, ISO 8601 in UTC.
    """

    labels: int
    made: str = ""


@dataclass(frozen=True, slots=True)
class LossesAtTest(LedgerRecord):
    """The losses of the champion's test, as they were found at first.

    Attributes:
        metric: whose losses.
        column: ``step.column`` that the rule names, or empty.
        n: how many rows.
        sum: of their losses.
        sum_squares: of the losses' squares.
        skewness: of the losses.
    """

    metric: str
    column: str
    n: int
    sum: float
    sum_squares: float
    skewness: float
