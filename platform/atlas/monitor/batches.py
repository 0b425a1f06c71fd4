"""What each batch looked like that a model has scored: records that outlive their runs.

A record is of one batch of one pipeline: one interval, or one run that has none. It names the
profiles of the batch, which were counted beside the reference of the model that scored it. When the
batch is scored again, by a back-fill or a repeated run, the record of the later run takes the place
of the earlier one's, whichever model that used.

A batch that wasn't scored, because it breaks what the training data promise and the Config's
``quality`` says ``fail``, is kept apart, until the batch is scored.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.errors import PlatformError, StoreError
from atlas.monitor.batch_record import BatchRecord as BatchRecord  # noqa: PLC0414
from atlas.monitor.references import ModelReference, keep_profile, load_profile
from atlas.store.exclusive import exclusive
from atlas.store.keys import PROFILES, run_key
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.profiles.profile import Profile
    from atlas.store import Store

BATCHES, REFUSED = f"{PROFILES}/batches", f"{PROFILES}/refused"
UNPROFILED = "unprofiled"
"""In place of a reference's digest, for batches of models that have none."""
_WAIT_SECONDS = 60.0
_DIGITS = 16


def keep_batch(
    store: Store, reference: ModelReference, profiles: Mapping[str, Profile]
) -> dict[str, str]:
    """Keep the profiles of a batch, for `BatchRecord.profiles`.

    Args:
        store: the artifact store.
        reference: the reference that they were counted beside.
        profiles: ``features`` and ``predictions``, or one of them.

    Raises:
        StoreError: they can't be written.
    """
    return {
        name: keep_profile(store, profile, reference.tables[name].profile)
        for name, profile in profiles.items()
    }


def batch_profile(
    store: Store, record: BatchRecord, table: str, reference: ModelReference
) -> Profile | None:
    """Return what a table of a batch looked like; None where the batch has no such table.

    Args:
        store: the artifact store.
        record: the batch.
        table: ``features`` or ``predictions``.
        reference: the reference that it was counted beside.

    Raises:
        StoreError: the counts aren't there any more, or aren't what was written.
    """
    beside = reference.profiles.get(table)
    if table not in record.profiles or beside is None:
        return None
    sha256 = reference.tables[table].profile
    return load_profile(store, record.profiles[table], beside, sha256)


def record_batch(store: Store, record: BatchRecord) -> bool:
    """Keep the record of a batch that was scored, and tell whether it was written.

    The same record again changes nothing; that of a run that began before the one which is there is
    left out.

    Args:
        store: the artifact store.
        record: the record; `BatchRecord.recorded` is set here where it is empty.

    Raises:
        StoreError: a name can't be a folder's, or the store can't be written.
        PlatformError: another process writes records of the pipeline for too long.
    """
    key = _key(record)
    with _locked(store, record.pipeline):
        others = [other for other in _same_batch(store, record) if other != key]
        every = [_read(store, place) for place in (key, *others)]
        known = [there for there in every if there is not None]
        if any(_moment(there) > _moment(record) for there in known):
            return False
        is_new = every[0] is None or not _is_same(every[0], record)
        if is_new:
            _write(store, key, record)
        for other in others:
            store.location.remove(other)
        store.location.remove(_refused_key(record))
        return is_new


def refuse_batch(store: Store, record: BatchRecord) -> bool:
    """Keep the record of a batch that wasn't scored for its breaches; tell whether it was written.

    Nothing changes of a record of the batch as it was scored before.

    Raises:
        StoreError: a name can't be a folder's, or the store can't be written.
        PlatformError: another process writes records of the pipeline for too long.
    """
    key = _refused_key(record)
    with _locked(store, record.pipeline):
        there = _read(store, key)
        if there is not None and (_moment(there) > _moment(record) or _is_same(there, record)):
            return False
        _write(store, key, record)
        return True


def batches(store: Store, pipeline: str, reference: str = "") -> list[BatchRecord]:
    """Return the records of a pipeline's batches, the oldest batch first.

    Args:
        store: the artifact store.
        pipeline: its name, with the Environment's prefix.
        reference: sha256 of a reference, for those of the models that have it; empty for all.

    Raises:
        StoreError: a record can't be read.
    """
    folder = f"{BATCHES}/{pipeline}"
    names = [reference[:_DIGITS]] if reference else store.location.names(folder)
    latest: dict[str, BatchRecord] = {}
    for record in (found for name in names for found in _in_folder(store, f"{folder}/{name}")):
        other = latest.get(record.batch)
        if other is None or _moment(other) <= _moment(record):
            latest[record.batch] = record
    own = (record for record in latest.values() if reference in ("", record.reference))
    return sorted(own, key=lambda record: (record.time, record.batch))


def refused_batches(store: Store, pipeline: str) -> list[BatchRecord]:
    """Return the records of the batches that weren't scored for their breaches, the oldest first.

    Raises:
        StoreError: a record can't be read.
    """
    records = _in_folder(store, f"{REFUSED}/{pipeline}")
    return sorted(records, key=lambda record: (record.time, record.batch))


def _is_same(there: BatchRecord, record: BatchRecord) -> bool:
    return there == replace(record, recorded=there.recorded)


def _same_batch(store: Store, record: BatchRecord) -> Iterator[str]:
    """Give where records of a batch are, under whichever reference."""
    folder = f"{BATCHES}/{record.pipeline}"
    for name in store.location.names(folder):
        key = f"{folder}/{name}/{record.batch}.json"
        if store.location.exists(key):
            yield key


def _in_folder(store: Store, folder: str) -> Iterator[BatchRecord]:
    for name in store.location.names(folder):
        record = _read(store, f"{folder}/{name}") if name.endswith(".json") else None
        if record is not None:
            yield record


@contextmanager
def _locked(store: Store, pipeline: str) -> Iterator[None]:
    with exclusive(store.location, f"batches {pipeline}", wait=_WAIT_SECONDS) as is_held:
        if not is_held:
            raise PlatformError(f"{pipeline}: another process records its batches")
        yield


def _write(store: Store, key: str, record: BatchRecord) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    written = replace(record, recorded=record.recorded or now)
    content = canonical({"format": 1, **written.to_json()})
    store.location.write(key, content.encode("utf-8", "surrogatepass"))


def _read(store: Store, key: str) -> BatchRecord | None:
    """Return a record; None of one that isn't there.

    Raises:
        StoreError: it is none.
    """
    try:
        return BatchRecord.from_json(json.loads(store.location.read(key)))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        hint = "remove it, and run the batch again"
        raise StoreError(f"{store.url}/{key}: {error}; {hint}") from None


def _moment(record: BatchRecord) -> datetime:
    if not record.created:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.fromisoformat(record.created)


def _key(record: BatchRecord) -> str:
    run_key(record.pipeline, record.batch)
    folder = record.reference[:_DIGITS] or UNPROFILED
    return f"{BATCHES}/{record.pipeline}/{folder}/{record.batch}.json"


def _refused_key(record: BatchRecord) -> str:
    run_key(record.pipeline, record.batch)
    return f"{REFUSED}/{record.pipeline}/{record.batch}.json"
