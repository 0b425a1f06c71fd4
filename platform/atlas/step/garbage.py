"""Collecting what nothing refers to any more: old runs, and what only they used."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.step.profile_garbage import unused_profiles
from atlas.step.reachable import (
    RunKey,
    closure,
    codes_in_use,
    pinned,
    plans_in_use,
    registered_versions,
    shared_data,
    unsent,
)
from atlas.store import StoredFile
from atlas.store.location import TEMPORARY
from atlas.store.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.store import Run, Store

_FRESH = 86_400.0
"""Seconds for which whatever was written stays, for someone may be about to refer to it."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """What is to go.

    Attributes:
        runs: runs that are too old and that nothing refers to.
        keys: files and folders to remove, in an order that leaves nothing half-true.
        size: their size in bytes.
        unsent: runs that are too old, and stay at least until they have been sent to MLflow.
    """

    runs: tuple[RunKey, ...]
    keys: tuple[str, ...]
    size: int
    unsent: tuple[RunKey, ...] = ()


def find_garbage(store: Store, *, keep: int = 10, older: float = 30 * 86_400.0) -> Garbage:
    """Tell what may go; nothing is removed.

    Args:
        store: the artifact store.
        keep: how many of the newest runs of each pipeline and flow stay in any case.
        older: seconds; younger runs stay in any case.

    Raises:
        PlatformError: MLflow doesn't answer, and it may know of models.
        StoreError: the store can't be read.
    """
    now = time.time()
    runs = list(_runs(store))
    young = _newest(runs, keep) | {_place(run) for run in runs if _age(run, now) < older}
    versions = registered_versions(store)
    stays = closure(store, young | pinned(store, versions))
    doomed = tuple(_place(run) for run in runs if _place(run) not in stays)
    entries = list(_in_doomed(store, doomed, shared_data(store, stays)))
    entries += _without_run(store, {_place(run) for run in runs}, stays, now)
    entries += _unused(store, stays, now)
    unused = unused_profiles(store, versions, stays)
    entries += [entry for entry in unused if now - entry.modified > _FRESH]
    stale = list(_stale_results(store, {entry.key for entry in entries}))
    # Results first, so that none is found whose data are going; then a run's record, then the rest.
    entries.sort(key=lambda entry: not entry.key.endswith("/run.json"))
    every = [*stale, *entries]
    keys, size = tuple(entry.key for entry in every), sum(entry.size for entry in every)
    waiting = unsent() - young
    return Garbage(doomed, keys, size, tuple(run for run in map(_place, runs) if run in waiting))


def collect(store: Store, garbage: Garbage) -> None:
    """Remove what was found; an interrupted collection is completed by the next one.

    Raises:
        StoreError: the store can't be written.
    """
    for key in garbage.keys:
        store.location.remove(key)
    for place in garbage.runs:
        if not any(True for _ in store.location.entries(place.key)):
            store.location.remove(place.key)


def _runs(store: Store) -> Iterator[Run]:
    for pipeline in store.pipelines():
        for name in store.runs(pipeline):
            try:
                yield store.run(pipeline, name)
            except StoreError:
                continue


def _place(run: Run) -> RunKey:
    return RunKey(run.pipeline, run.id)


def _age(run: Run, now: float) -> float:
    return now - datetime.fromisoformat(run.created).timestamp() if run.created else 0.0


def _newest(runs: list[Run], keep: int) -> set[RunKey]:
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.pipeline, run.flow].append(run)
    newest = (
        sorted(group, key=lambda run: run.created)[-keep:] for group in groups.values() if keep
    )
    return {_place(run) for group in newest for run in group}


def _in_doomed(store: Store, doomed: tuple[RunKey, ...], shared: set[str]) -> Iterator[StoredFile]:
    """Give the files of doomed runs, except data that others use."""
    for place in doomed:
        for entry in store.location.entries(place.key):
            if not _is_shared(entry.key, shared):
                yield entry


def _is_shared(key: str, shared: set[str]) -> bool:
    """Tell whether a file is data that is used elsewhere, or in a folder that is."""
    parts = key.split("/")
    return any("/".join(parts[:end]) in shared for end in range(4, len(parts) + 1))


def _without_run(
    store: Store, runs: set[RunKey], stays: set[RunKey], now: float
) -> Iterator[StoredFile]:
    """Give what earlier collections left of runs for others' sake, once that is over."""
    shared = shared_data(store, stays)
    for pipeline in store.pipelines():
        for entry in store.location.entries(pipeline):
            parts = entry.key.split("/")
            orphan = len(parts) > 2 and RunKey(*parts[:2]) not in runs  # noqa: PLR2004
            unfinished = parts[-1].startswith(TEMPORARY) and not parts[-1].endswith("lock")
            old = now - entry.modified > _FRESH
            if old and (unfinished or (orphan and not _is_shared(entry.key, shared))):
                yield entry


def _unused(store: Store, stays: set[RunKey], now: float) -> Iterator[StoredFile]:
    """Give Plans that no run and no deployment names, and code of none that stays."""
    plans = plans_in_use(store, stays)
    codes = codes_in_use(store, plans)
    for entry in store.location.entries("plans"):
        digest = entry.key.removeprefix("plans/").removesuffix(".json")
        if digest not in plans and now - entry.modified > _FRESH:
            yield entry
    for digest in set(store.location.names("code")) - codes:
        files = list(store.location.entries(f"code/{digest}"))
        newest = max((file.modified for file in files), default=0.0)
        if now - newest > _FRESH:
            yield StoredFile(f"code/{digest}", sum(file.size for file in files), newest)


def _stale_results(store: Store, going: set[str]) -> Iterator[StoredFile]:
    """Give entries of the cache whose data are going or are gone."""
    for entry in store.location.entries("cache"):
        data = _data_of(store, entry.key)
        if data is None or any(
            not store.has(manifest) or _goes(manifest.data, going) for manifest in data
        ):
            yield entry


def _goes(data: str, going: set[str]) -> bool:
    return data in going or any(key.startswith(f"{data}/") for key in going)


def _data_of(store: Store, key: str) -> list[Manifest] | None:
    """Return the artifacts that an entry of the cache names; None when it can't be read."""
    try:
        raw = json.loads(store.location.read(key))
        return [Manifest.from_json(output) for output in raw["outputs"].values()]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
