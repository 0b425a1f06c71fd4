"""Plans and the snapshots of their code, both named by their digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.lineage.graph import ALTERED, MISSING, LineageNode, Ref, short
from atlas.lineage.kinds.kind import CODE, DEPLOYMENT, PLAN, RELEASE, RUN, related
from atlas.store import code_folder
from atlas.store.code import code_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.sources import LineageSources


class PlanKind:
    """A Plan; its key is its digest."""

    name = PLAN

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a Plan, once its text has been found to have its digest."""
        ref, at = Ref(PLAN, key), f"{sources.store.url}/plans/{key}.json"
        try:
            plan = sources.store.plan(key)
        except StoreError as error:
            is_there = sources.store.location.exists(f"plans/{key}.json")
            state = sources.fault(ALTERED if is_there else MISSING, ref, at, str(error))
            return LineageNode(ref, short(key), "", {"digest": key}, at, state)
        facts = {
            "digest": key,
            "recipe": plan.recipe,
            "environment": plan.environment,
            "target": plan.target,
            **{f"digest of {name}": digest for name, digest in plan.digests.items()},
        }
        summary = f"{plan.name} {plan.flow}, {len(plan.steps)} steps, in {plan.environment}"
        return LineageNode(ref, short(key), summary, facts, at)

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give its code."""
        plan = sources.plan(key)
        if plan is not None and plan.code:
            yield related(CODE, plan.code, "is the code of")

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give the runs, releases and deployments of it."""
        for links in sources.runs_where(lambda links: links.plan == key):
            yield related(RUN, links.key, "was run as")
        for release in sources.releases.values():
            if key in release.plans:
                yield related(RELEASE, release.name, "is pinned by")
        plan = sources.plan(key)
        for entry in sources.entries(f"{plan.config}.{plan.environment}") if plan else ():
            if key in sources.plans_of(entry):
                yield related(DEPLOYMENT, entry.key, "was deployed by")


class CodeKind:
    """A snapshot of a pipeline's code; its key is its digest."""

    name = CODE

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a snapshot, once its files have been found to have its digest."""
        ref, at = Ref(CODE, key), f"{sources.store.url}/{code_key(key)}"
        try:
            folder = code_folder(sources.store, key)
        except StoreError as error:
            is_there = sources.store.location.exists(code_key(key))
            state = sources.fault(ALTERED if is_there else MISSING, ref, at, str(error))
            return LineageNode(ref, short(key), "", {"digest": key}, at, state)
        count = sum(file.is_file() for file in folder.rglob("*"))
        files = "1 file" if count == 1 else f"{count} files"
        return LineageNode(ref, short(key), files, {"digest": key}, at)

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give nothing: which commit it is of, each run says itself."""
        yield from ()

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give the Plans that it is the code of."""
        for digest in dict.fromkeys(links.plan for links in sources.links):
            plan = sources.plan(digest)
            if plan is not None and plan.code == key:
                yield related(PLAN, digest, "is the code of")
