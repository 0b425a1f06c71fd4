"""How a deployed model does, batch by batch: the records that labels have led to.

A record is of one batch, as one step of one pipeline measures it. It is replaced when that step
measures the batch again with what is known later; what an older run finds, such as a back-fill,
doesn't replace what a newer one has found.
"""

from __future__ import annotations

import json
from dataclasses import asdict, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import PlatformError, StoreError
from atlas.store.exclusive import exclusive
from atlas.store.keys import MEASUREMENTS, run_key
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.store import Store

_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class BatchMeasurement:
    """What is known of one batch of predictions.

    Attributes:
        pipeline: the pipeline that has predicted it.
        run: the run that has predicted it.
        labels: how many of its predictions have a label.
        predictions: how many predictions it has.
        interval_start: ISO 8601 in UTC, or empty for a run without an interval.
        interval_end: likewise.
        created: when the run began, ISO 8601 in UTC.
        model: name of the model, or empty.
        version: the version that the run used; `versions` has those that each row was predicted by.
        first_label: when the first label came, ISO 8601, or empty.
        last_label: when the last one came.
        metrics: name → value.
        sums: metric of single rows → ``n``, ``sum`` and ``sum_squares`` of its rows.
        versions: model version → its ``predictions``, ``labels``, ``metrics`` and ``sums``.
        slices: ``column=value`` → its ``labels``, ``metrics`` and ``sums``.
        as_of: end of the interval of the run that has measured it, or when that run began.
        measured_by: that run, as ``pipeline/run``.
        step: the step that has measured it.
    """

    pipeline: str
    run: str
    labels: int
    predictions: int
    interval_start: str = ""
    interval_end: str = ""
    created: str = ""
    model: str = ""
    version: str = ""
    first_label: str = ""
    last_label: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    sums: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    versions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    slices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    as_of: str = ""
    measured_by: str = ""
    step: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Any) -> BatchMeasurement:
        """Read back what `to_json` gave; fields of later versions are left.

        Raises:
            ValueError: it isn't a record of a batch.
        """
        if not isinstance(raw, dict):
            raise ValueError(f"found a {type(raw).__name__}, expected the record of a batch")
        given = {name: raw[name] for name in _NAMES if name in raw}
        if not {"pipeline", "run", "labels", "predictions"} <= given.keys():
            expected = "pipeline, run, labels and predictions"
            raise ValueError(f"expected the record of a batch, with {expected}")
        record = cls(**given)
        whole = all(isinstance(n, int) and n >= 0 for n in (record.labels, record.predictions))
        if not whole or not isinstance(record.pipeline, str) or not isinstance(record.run, str):
            raise ValueError("expected the record of a batch: pipeline, run and whole counts")
        return record

    @property
    def batch(self) -> str:
        """What its record is called: its interval, or its run where it has none."""
        return batch_name(self.interval_start, self.interval_end, self.run)

    @property
    def time(self) -> datetime:
        """The time that it belongs to."""
        return datetime.fromisoformat(self.interval_end or self.created)


_NAMES = tuple(item.name for item in fields(BatchMeasurement))


@lru_cache(maxsize=4096)
def batch_name(interval_start: str, interval_end: str, run: str) -> str:
    """Return what a batch is called: by its interval, or by its run where that has none.

    Args:
        interval_start: ISO 8601, or empty.
        interval_end: likewise.
        run: id of the run that has predicted it.
    """
    return f"{_compact(interval_start)}-{_compact(interval_end)}" if interval_end else run


def _compact(moment: str) -> str:
    time = datetime.fromisoformat(moment).astimezone(UTC)
    return f"{time:%Y%m%dT%H%M%S}{time:%f}Z" if time.microsecond else f"{time:%Y%m%dT%H%M%S}Z"


def record_measurements(store: Store, measured: Iterable[BatchMeasurement]) -> int:
    """Keep the records of batches, and return how many were written.

    The same records again change nothing; those of an older run than what is there are left out.

    Args:
        store: the artifact store.
        measured: the records, with who has measured them.

    Raises:
        StoreError: a name can't be a folder's, or the store can't be written.
        PlatformError: another process writes records of the pipeline for too long.
    """
    by_pipeline: dict[str, list[BatchMeasurement]] = {}
    for record in measured:
        by_pipeline.setdefault(record.pipeline, []).append(record)
    written = 0
    for pipeline, records in by_pipeline.items():
        lock = f"measurements {pipeline}"
        with exclusive(store.location, lock, wait=_WAIT_SECONDS) as is_held:
            if not is_held:
                raise PlatformError(f"{pipeline}: another process records what was measured of it")
            written += sum(_write(store, record) for record in records)
    return written


def _write(store: Store, record: BatchMeasurement) -> bool:
    key = _key(record)
    before = _read(store, key)
    if before is not None and _moment(before.as_of) > _moment(record.as_of):
        return False
    store.location.write(key, canonical({"format": 1, **record.to_json()}).encode())
    return True


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)


def _key(record: BatchMeasurement) -> str:
    run_key(record.pipeline, record.batch)
    measurer = f"{record.measured_by.partition('/')[0]}.{record.step}"
    run_key(record.pipeline, measurer)
    return f"{MEASUREMENTS}/{record.pipeline}/{measurer}/{record.batch}.json"


def _read(store: Store, key: str) -> BatchMeasurement | None:
    """Return a record; None of one that isn't there.

    Raises:
        StoreError: it is none.
    """
    try:
        return BatchMeasurement.from_json(json.loads(store.location.read(key)))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        hint = "remove it, and run the step that measures the batch again"
        raise StoreError(f"{store.url}/{key}: {error}; {hint}") from None


def measurements(store: Store, pipeline: str) -> list[BatchMeasurement]:
    """Return what is known of a pipeline's batches, the oldest first.

    Args:
        store: the artifact store.
        pipeline: name of the pipeline that predicts, with the Environment's prefix.

    Raises:
        StoreError: a record can't be read.
    """
    return sorted(_all(store, pipeline), key=lambda record: (record.time, record.measured_by))


def _all(store: Store, pipeline: str) -> Iterator[BatchMeasurement]:
    folder = f"{MEASUREMENTS}/{pipeline}"
    for measurer in store.location.names(folder):
        for name in store.location.names(f"{folder}/{measurer}"):
            record = _read(store, f"{folder}/{measurer}/{name}")
            if record is not None and name.endswith(".json"):
                yield record
