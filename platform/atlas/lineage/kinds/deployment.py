"""Deployments of a stack, as the store has recorded them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.lineage.deployments import read_record, record_key
from atlas.lineage.graph import ALTERED, MISSING, LineageNode, Ref, short
from atlas.lineage.kinds.commit import meaning_of
from atlas.lineage.kinds.kind import (
    COMMIT,
    DEPLOYMENT,
    IMAGE,
    MODEL,
    PLAN,
    RELEASE,
    RUN,
    commit_of,
    related,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.deployments import DeploymentEntry
    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.sources import LineageSources


class DeploymentKind:
    """One deployment of a stack; its key is ``stack#number``."""

    name = DEPLOYMENT

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a deployment, once its record has been found to have its digest."""
        ref, entry = Ref(DEPLOYMENT, key), sources.entry(key)
        if entry is None:
            where = f"{sources.store.url}/deployments/history/{key.rpartition('#')[0]}"
            state = sources.fault(MISSING, ref, where, "no such entry")
            return LineageNode(ref, key, "", {}, where, state)
        champions = ", ".join(f"{model}/{version}" for model, version in entry.champions.items())
        facts = {
            "stack": entry.stack,
            "action": entry.action,
            "at": entry.at,
            "by": entry.by,
            "release": entry.release,
            "champions then": champions,
            "record": entry.record,
        }
        words = (entry.action, entry.at, f"by {entry.by}" if entry.by else "", entry.release)
        state = _check_record(sources, ref, entry)
        return LineageNode(ref, key, ", ".join(filter(None, words)), facts, entry.source, state)

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give its release and its commit; asked for itself, also all that it has deployed."""
        entry = sources.entry(key)
        if entry is None:
            return
        if entry.release:
            yield related(RELEASE, entry.release, "was deployed by")
        if entry.commit:
            commit, meaning = commit_of(entry.commit), meaning_of(entry.commit, "was deployed by")
            yield related(COMMIT, commit, meaning)
        if is_root:
            for model, version in entry.champions.items():
                yield related(MODEL, f"{model}/{version}", "was the champion at")
            yield from (related(PLAN, p, "was deployed by") for p in sources.plans_of(entry))
            yield from (related(IMAGE, i, "was deployed by") for i in sources.images_of(entry))

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give the runs of what it has deployed, until the next deployment."""
        entry = sources.entry(key)
        plans = sources.plans_of(entry) if entry else {}
        for links in sources.runs_where(lambda links: links.plan in plans):
            deployment = sources.deployment_of(links)
            if deployment is not None and deployment.key == key:
                yield related(RUN, links.key, "deployed the Plan of")


def _check_record(sources: LineageSources, ref: Ref, entry: DeploymentEntry) -> str:
    """Compare the record of a deployment with the digest that its history has of it."""
    if not entry.record:
        return ""
    where = f"{sources.store.url}/{record_key(entry)}"
    try:
        record = read_record(sources.store.location, entry)
    except StoreError as error:
        is_there = sources.store.location.exists(record_key(entry))
        return sources.fault(ALTERED if is_there else MISSING, ref, where, str(error))
    if record.digest == entry.record:
        return ""
    return sources.fault(ALTERED, ref, where, f"sha256 {short(record.digest)}", entry.record)
