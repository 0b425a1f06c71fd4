"""The cache as a whole: how much is in it, and pruning it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.store import Store, StoredFile


@dataclass(frozen=True, slots=True)
class Cache:
    """What is in the cache.

    Attributes:
        results: how many results are kept.
        size: bytes of what they refer to; that belongs to runs, and goes with them by `atlas gc`.
        pipelines: pipeline → how many results of its runs.
    """

    results: int
    size: int
    pipelines: dict[str, int]


def look(store: Store) -> Cache:
    """Return what is in a store's cache."""
    data: dict[str, int] = {}
    pipelines: dict[str, int] = {}
    count = 0
    for entry in store.location.entries("cache"):
        try:
            raw = json.loads(store.location.read(entry.key))
            data |= {output["data"]: output["size"] for output in raw["outputs"].values()}
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            continue
        count += 1
        pipeline = raw["run"].partition("/")[0]
        pipelines[pipeline] = pipelines.get(pipeline, 0) + 1
    return Cache(count, sum(data.values()), dict(sorted(pipelines.items())))


def prune(store: Store, *, older: float = 0.0, pipeline: str = "") -> int:
    """Forget results, so that their steps run again; return how many.

    Args:
        store: the artifact store.
        older: seconds; younger results stay.
        pipeline: only results of this one's runs; empty for all.

    Raises:
        StoreError: the store can't be written.
    """
    doomed = list(_doomed(store, time.time() - older, pipeline))
    for entry in doomed:
        store.location.remove(entry.key)
    return len(doomed)


def _doomed(store: Store, before: float, pipeline: str) -> Iterator[StoredFile]:
    for entry in store.location.entries("cache"):
        if entry.modified <= before and (not pipeline or _is_of(store, entry.key, pipeline)):
            yield entry


def _is_of(store: Store, key: str, pipeline: str) -> bool:
    try:
        run = json.loads(store.location.read(key))["run"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    return str(run).partition("/")[0] == pipeline
