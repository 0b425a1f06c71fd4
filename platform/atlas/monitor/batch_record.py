"""The record of one batch that a model has scored."""

from __future__ import annotations

from dataclasses import asdict, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.models.measurements import batch_name
from atlas.monitor.breach import Breach
from atlas.store.manifest import DIGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Run


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """What is known of one batch.

    Attributes:
        pipeline: the pipeline that has scored it, with the Environment's prefix.
        run: the run that has scored it.
        interval_start: ISO 8601 in UTC, or empty for a run without an interval.
        interval_end: likewise.
        created: when the run began, ISO 8601 in UTC.
        model: the registered name of the model that scored it.
        version: its version.
        digest: the version's digest (`ModelVersion.digest`).
        reference: sha256 of what the version was trained on; empty where that isn't known.
        rows: of the table with the features; without one, of the predictions.
        profiles: ``features`` and ``predictions``, those that there are → sha256 of the counts.
        breaches: where it breaks what the training data promise.
        recorded: when it was recorded, ISO 8601 in UTC.
    """

    pipeline: str
    run: str
    interval_start: str = ""
    interval_end: str = ""
    created: str = ""
    model: str = ""
    version: str = ""
    digest: str = ""
    reference: str = ""
    rows: int = 0
    profiles: Mapping[str, str] = field(default_factory=dict)
    breaches: tuple[Breach, ...] = ()
    recorded: str = ""

    @classmethod
    def of(cls, run: Run, **facts: Any) -> BatchRecord:
        """Return the record of a run's batch.

        Args:
            run: the run.
            facts: ``rows``, ``profiles`` and ``breaches``.
        """
        model = run.model
        return cls(
            run.pipeline,
            run.id,
            run.interval_start,
            run.interval_end,
            run.created,
            model=model.name if model else "",
            version=model.version if model else "",
            digest=model.digest if model else "",
            reference=model.reference if model else "",
            **facts,
        )

    @property
    def batch(self) -> str:
        """What its record is called: its interval, or its run where it has none."""
        return batch_name(self.interval_start, self.interval_end, self.run)

    @property
    def time(self) -> datetime:
        """The time that it belongs to."""
        return datetime.fromisoformat(self.interval_end or self.created)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Any) -> BatchRecord:
        """Read back what `to_json` gave; fields of later versions are left.

        Raises:
            ValueError: it isn't a record of a batch.
        """
        if not isinstance(raw, dict):
            raise ValueError(f"found a {type(raw).__name__}, expected the record of a batch")
        given = {name: raw[name] for name in _NAMES if name in raw}
        if not {"pipeline", "run"} <= given.keys():
            raise ValueError("expected the record of a batch, with pipeline and run")
        breaches = given.pop("breaches", ())
        if not isinstance(breaches, list | tuple):
            raise ValueError("breaches: expected a list")
        record = cls(**given, breaches=tuple(map(Breach.from_json, breaches)))
        _check(record)
        return record


_NAMES = tuple(item.name for item in fields(BatchRecord))
_TEXTS = tuple(name for name in _NAMES if name not in ("rows", "profiles", "breaches"))


def _check(record: BatchRecord) -> None:
    texts = all(isinstance(getattr(record, name), str) for name in _TEXTS)
    if not texts or type(record.rows) is not int or record.rows < 0:
        raise ValueError("expected the record of a batch: texts, and a whole number of rows")
    digests = record.profiles.values() if isinstance(record.profiles, dict) else ("",)
    known = [*digests, *filter(None, (record.digest, record.reference))]
    if not all(isinstance(text, str) and DIGEST.fullmatch(text) for text in known):
        raise ValueError("expected the record of a batch: digests of its profiles")
    _ = record.time, record.batch
