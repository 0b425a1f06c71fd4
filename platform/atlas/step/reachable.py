"""What in a store something still refers to: it stays, whatever is collected.

A run stays that a registered model, a pointer, the outbox or another run that stays refers to. A
Plan stays that a run that stays, or a deployment, names; and with a Plan its code.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.registered import STORE_FOLDERS
from atlas.step.finish import tracker_of_steps
from atlas.store.keys import MANIFEST, is_artifact_key
from atlas.store.manifest import Manifest
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.outbox import state_outbox
from atlas.tracking.registry import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atlas.plan import Plan
    from atlas.store import Run, Store
    from atlas.tracking.registry import RegisteredVersion

DEPLOYED = ("deployments", *STORE_FOLDERS)
"""Folders of the store whose files may name Plans."""
_DIGEST = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RunKey:
    """Where a run is."""

    pipeline: str
    run: str

    @property
    def key(self) -> str:
        """Its folder in the store."""
        return f"{self.pipeline}/{self.run}"


def pinned(store: Store, versions: Iterable[RegisteredVersion]) -> set[RunKey]:
    """Return the runs that something besides other runs refers to.

    Args:
        store: the artifact store.
        versions: every registered version.
    """
    pointers = (_pointed(store, name) for name in store.pipelines())
    runs = {place for places in pointers for place in places}
    return runs | unsent() | set(_of_models(store, versions))


def unsent() -> set[RunKey]:
    """Return the runs that are still in the outbox, of every store."""
    outbox = state_outbox()
    return (
        {RunKey(pending.pipeline, pending.run) for pending in outbox.pending()}
        if outbox is not None
        else set()
    )


def _pointed(store: Store, pipeline: str) -> Iterator[RunKey]:
    """Give the runs that a pipeline's pointers name: the last and the latest successful ones."""
    for name in store.location.names(pipeline):
        if name.startswith(("last-", "latest-")) and name.endswith(".json"):
            raw = json.loads(store.location.read(f"{pipeline}/{name}"))
            yield RunKey(pipeline, raw["run"])
            # Of steps that the latest run has skipped, those that are read from elsewhere.
            yield from (RunKey(pipeline, run) for run in raw.get("earlier", {}).values())


def registered_versions(store: Store) -> list[RegisteredVersion]:
    """Return every version that is registered, in the store and in MLflow.

    Raises:
        PlatformError: MLflow doesn't answer, and it may know of models.
    """
    registry = LocalRegistry(store)
    versions = [version for name in registry.models() for version in registry.versions(name)]
    server = tracker_of_steps()
    if isinstance(server, MlflowTracker):
        versions += [version for name in server.models() for version in server.versions(name)]
    return versions


def _of_models(store: Store, versions: Iterable[RegisteredVersion]) -> Iterator[RunKey]:
    """Give the runs whose artifacts are parts of registered models."""
    for version in versions:
        for uri in version.uris():
            yield from _place_of(store, uri)


def _place_of(store: Store, uri: str) -> Iterator[RunKey]:
    """Give the run of an artifact's URI, if it is in this store."""
    key = uri.removeprefix(f"{store.url}/")
    if key != uri and is_artifact_key(key):
        pipeline, run, *_ = key.split("/")
        yield RunKey(pipeline, run)


def referred(store: Store, run: Run) -> Iterator[RunKey]:
    """Give the runs that a run has read from: other pipelines' and its model's.

    Earlier runs that were read as a history are none of them: each of those has a history of its
    own, so that nothing would ever go.
    """
    for key, pointed in run.upstream.items():
        if key.startswith("history:"):
            continue
        pipeline, _, name = pointed.partition("/")
        yield RunKey(pipeline, name)
    for part in run.model.parts.values() if run.model else ():
        yield from _place_of(store, part.uri)


def closure(store: Store, places: Iterable[RunKey]) -> set[RunKey]:
    """Return runs with every run that they refer to, directly or not."""
    reached: set[RunKey] = set()
    waiting = list(places)
    while waiting:
        place = waiting.pop()
        if place in reached:
            continue
        reached.add(place)
        try:
            waiting += referred(store, store.run(place.pipeline, place.run))
        except StoreError:
            continue
    return reached


def shared_data(store: Store, places: Iterable[RunKey]) -> set[str]:
    """Return the keys of data that these runs use and that lie in other runs' folders."""
    keys: set[str] = set()
    for place in places:
        for entry in store.location.entries(place.key):
            if entry.key.endswith(f"/{MANIFEST}"):
                keys |= _elsewhere(store, place, entry.key)
    return keys


def _elsewhere(store: Store, place: RunKey, key: str) -> set[str]:
    try:
        data = Manifest.parse(store.location.read(key)).data
    except (ValueError, FileNotFoundError):
        return set()
    return set() if data.startswith(f"{place.key}/") else {data}


def plans_in_use(store: Store, places: Iterable[RunKey]) -> set[str]:
    """Return the digests of the Plans of runs, and of all that deployments name."""
    return plans_of(store, places) | digests_named(store, DEPLOYED)


def codes_in_use(store: Store, plans: Iterable[str]) -> set[str]:
    """Return the digests of the code of Plans."""
    return {plan.code for plan in known_plans(store, plans)}


def plans_of(store: Store, places: Iterable[RunKey]) -> set[str]:
    """Return the digests of the Plans of runs; one whose record can't be read has none."""
    plans: set[str] = set()
    for place in places:
        with suppress(StoreError):
            plans.add(store.run(place.pipeline, place.run).plan)
    return plans


def known_plans(store: Store, digests: Iterable[str]) -> Iterator[Plan]:
    """Yield the Plans of digests, as far as the store has them."""
    for digest in digests:
        with suppress(StoreError):
            yield store.plan(digest)


def digests_named(store: Store, folders: Iterable[str]) -> set[str]:
    """Return every sha256 that files in folders of a store name, in whatever form they name it."""
    digests: set[str] = set()
    for folder in folders:
        for entry in store.location.entries(folder):
            content = store.location.read(entry.key)
            digests |= {match.decode() for match in _DIGEST.findall(content)}
    return digests
