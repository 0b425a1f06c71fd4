"""References, counts and records of batches that nothing needs any more.

A reference stays that a registered version or a run that stays has; with it stay the records of the
batches that were counted beside it. Counts are the large part: those of a batch stay as long as its
run, and those of the last batches of each reference in any case.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.monitor.batch_record import BatchRecord
from atlas.monitor.batches import BATCHES, REFUSED, UNPROFILED
from atlas.monitor.references import COUNTS, REFERENCES, profiles_of
from atlas.step.profiling import named_profiles
from atlas.step.reachable import RunKey
from atlas.store.keys import PROFILES, is_run_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atlas.store import Run, Store, StoredFile
    from atlas.tracking.registry import RegisteredVersion

LAST = 16
"""How many of the last batches of each reference keep their counts."""


def unused_profiles(
    store: Store, versions: Iterable[RegisteredVersion], stays: set[RunKey]
) -> Iterator[StoredFile]:
    """Give what may go of the profiles of a store, whenever it was written.

    Args:
        store: the artifact store.
        versions: every registered version.
        stays: the runs that stay.
    """
    if not store.location.exists(PROFILES):
        return
    runs = [*_runs(store, stays)]
    references = {version.reference for version in versions}
    references |= {run.model.reference for run in runs if run.model}
    kept = {sha256 for run in runs for sha256 in _of_outcomes(store, run)}
    kept |= {name for reference in references - {""} for name in profiles_of(store, reference)}
    digits = {reference[:16] for reference in references - {""}}
    for folder, entries in _folders(store):
        records = [(entry, _record(store, entry.key)) for entry in entries]
        of_runs = [(e, r) for e, r in records if r and RunKey(r.pipeline, r.run) in stays]
        if folder in digits:
            last = sorted((r for _, r in records if r), key=lambda record: record.time)[-LAST:]
            kept |= {
                name for r in (*last, *(r for _, r in of_runs)) for name in r.profiles.values()
            }
        else:
            known = {entry.key for entry, _ in of_runs if folder in (UNPROFILED, REFUSED)}
            yield from (entry for entry in entries if entry.key not in known)
    yield from _others(store, REFERENCES, ".json", references)
    yield from _others(store, COUNTS, ".profile", kept)


def _others(store: Store, folder: str, suffix: str, kept: set[str]) -> Iterator[StoredFile]:
    """Give the files of a folder that are called by other digests than some."""
    for entry in store.location.entries(folder):
        if entry.key.rpartition("/")[2].removesuffix(suffix) not in kept:
            yield entry


def _folders(store: Store) -> Iterator[tuple[str, list[StoredFile]]]:
    """Give the records of each reference's batches, and those of refused ones."""
    for top in (BATCHES, REFUSED):
        for pipeline in filter(is_run_id, store.location.names(top)):
            groups: dict[str, list[StoredFile]] = {}
            for entry in store.location.entries(f"{top}/{pipeline}"):
                folder = REFUSED if top == REFUSED else entry.key.split("/")[-2]
                groups.setdefault(folder, []).append(entry)
            yield from groups.items()


def _runs(store: Store, stays: Iterable[RunKey]) -> Iterator[Run]:
    for place in stays:
        with suppress(StoreError):
            yield store.run(place.pipeline, place.run)


def _of_outcomes(store: Store, run: Run) -> Iterator[str]:
    """Give the digests of the counts that a run's steps name."""
    try:
        steps = {spec["step"] for spec in store.plan(run.plan).statistics.values()}
    except StoreError:
        return
    for step in steps:
        for index in (None, *store.indexes(run, step)):
            outcome = store.outcome(run.pipeline, run.id, step, index) or {}
            yield from named_profiles(outcome.get("statistics", {}))


def _record(store: Store, key: str) -> BatchRecord | None:
    try:
        return BatchRecord.from_json(json.loads(store.location.read(key)))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
