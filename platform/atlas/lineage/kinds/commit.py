"""Commits of the git repository that holds the pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.lineage.graph import MISSING, LineageNode, Ref, short
from atlas.lineage.kinds.kind import COMMIT, DEPLOYMENT, IMAGE, RELEASE, RUN, commit_of, related
from atlas.lineage.releases import commit_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.sources import LineageSources

CHANGED_SINCE = "with uncommitted changes was used for"


class CommitKind:
    """A commit; its key is its full id."""

    name = COMMIT

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a commit as the repository has it."""
        ref, at = Ref(COMMIT, key), str(sources.folder)
        facts = commit_facts(sources.folder, key)
        if facts is None:
            found = "no such commit"
            state = sources.fault(MISSING, ref, f"git repository of {at}", found, f"commit {key}")
            return LineageNode(ref, short(key), "", {"commit": key}, at, state)
        known = {
            "commit": key,
            "author": facts.author,
            "time": facts.time,
            "subject": facts.subject,
        }
        summary = f"{facts.subject} ({facts.author}, {facts.time[:10]})"
        return LineageNode(ref, short(key), summary, known, at)

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give nothing: it is where everything begins."""
        yield from ()

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give the runs, images, releases and deployments that were made of it."""
        for links in sources.runs_where(lambda links: commit_of(links.commit) == key):
            yield related(RUN, links.key, meaning_of(links.commit, "was checked out for"))
        for image in sources.images:
            if commit_of(image.commit) == key:
                yield related(IMAGE, image.name, meaning_of(image.commit, "is in"))
        for release in sources.releases.values():
            if release.released == key:
                yield related(RELEASE, release.name, "was released as")
        for entry in sources.deployments():
            if commit_of(entry.commit) == key:
                yield related(DEPLOYMENT, entry.key, meaning_of(entry.commit, "was deployed by"))


def meaning_of(commit: str, meaning: str) -> str:
    """Return how a recorded commit is linked, which may say that files had changed since."""
    return CHANGED_SINCE if commit.endswith("-dirty") else meaning
