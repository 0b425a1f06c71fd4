"""Which versions stay when a pipeline goes: those that some run was made by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Location


def used(place: Location, plans: Mapping[str, str]) -> set[str]:
    """Return the versions whose Plan a run was made by, or isn't known.

    Args:
        place: the artifact store.
        plans: digest of the Plan by version.
    """
    store, versions = Store(place), set()
    for version, digest in plans.items():
        try:
            pipeline = store.plan(digest).name
        except StoreError:
            versions.add(version)
            continue
        if any(store.run(pipeline, run).plan == digest for run in store.runs(pipeline)):
            versions.add(version)
    return versions
