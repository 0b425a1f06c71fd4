"""The content of a model card, as plain data."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "purpose": "Purpose",
    "intended_use": "Intended use",
    "out_of_scope": "Out of scope",
    "limits": "Limits",
    "ethics": "Ethical considerations",
}
"""The texts of a Config's ``card`` → their headings."""


@dataclass(frozen=True, slots=True)
class CardMetric:
    """One metric of a version, of the whole test set or of one slice.

    Attributes:
        name: ``step.metric``.
        value: its value.
        slice: ``column=value``, or empty for all rows.
        rows: how many rows it is of; None where that isn't known.
        low: lower end of its interval, or None.
        high: upper end, or None.
        method: how the interval was found, or why there is none.
        rule: whether the Config's promotion asks for it.
    """

    name: str
    value: float
    slice: str = ""
    rows: int | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""
    rule: bool = False


@dataclass(frozen=True, slots=True)
class CardTable:
    """One table that went into the model or came out of it.

    Attributes:
        name: ``step.input`` or ``step.output``.
        columns: names and types.
        rows: how many rows it had; None where that isn't known.
    """

    name: str
    columns: tuple[Mapping[str, str], ...]
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class CardDecision:
    """One decision on the version.

    Attributes:
        time: ISO 8601 in UTC.
        action: as the log has it.
        who: ``user@host``.
        champion: the version that is the champion after it.
        reason: why, in words.
        comparisons: paired tests that it was made of, as plain data.
        number: of the log's entry.
        digest: sha256 of the log's entry.
    """

    time: str
    action: str
    who: str
    champion: str
    reason: str = ""
    comparisons: tuple[Mapping[str, Any], ...] = ()
    number: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class CardBatch:
    """How the version has done on one batch, as far as labels have come.

    Attributes:
        time: end of the batch's interval, or when it began.
        predictions: how many rows it has predicted.
        labels: how many of them have a label.
        metrics: name → value.
    """

    time: str
    predictions: int
    labels: int
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What there is to say of one version of a model.

    Attributes:
        model: the registered name.
        version: its number.
        pipeline: the pipeline that trained it.
        trained: when, ISO 8601 in UTC, or empty.
        champion: the version that is the champion now, or empty.
        texts: what people have written: purpose, limits and more.
        owners: who answers for it.
        data: each data set's name → ``uri``, ``version``, ``sha256``.
        inputs: tables that went in.
        outputs: tables that came out.
        metrics: its metrics.
        confidence: of the metrics' intervals.
        decisions: decisions on it, the oldest first.
        faults: what is wrong with the log of decisions; empty for a whole one.
        batches: how it has done since, the oldest first.
        lineage: what it was made from, by name.
        notes: what couldn't be found, and why.
    """

    model: str
    version: str
    pipeline: str = ""
    trained: str = ""
    champion: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    inputs: tuple[CardTable, ...] = ()
    outputs: tuple[CardTable, ...] = ()
    metrics: tuple[CardMetric, ...] = ()
    confidence: float = 0.95
    decisions: tuple[CardDecision, ...] = ()
    faults: tuple[str, ...] = ()
    batches: tuple[CardBatch, ...] = ()
    lineage: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """Whether it is the champion, in words."""
        if self.version == self.champion:
            return "champion"
        if self.champion:
            return f"not the champion (that is version {self.champion})"
        return "not the champion (there is none)"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"format": 1, "status": self.status, **asdict(self)}
