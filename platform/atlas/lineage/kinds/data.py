"""Data sets by their content: what runs have read, and what they have delivered."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from atlas.lineage.graph import CHANGED, MISSING, UNCHECKED, LineageNode, Ref, short
from atlas.lineage.kinds.kind import DATA, RUN, related
from atlas.step.provenance import READ, WRITTEN, digest_of_parts
from atlas.uris import is_file_uri, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.links import DataUse
    from atlas.lineage.sources import LineageSources

LARGEST = 512 << 20
"""Bytes up to which a file of data is read to be compared."""


class DataKind:
    """The content of a data set; its key is the sha256 of what was read or written."""

    name = DATA

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a data set, once what is there now was compared with what was there then."""
        ref, uses = Ref(DATA, key), uses_of(sources, key)
        if not uses:
            return LineageNode(ref, short(key), "", {"sha256": key})
        use = uses[0]
        facts = {"sha256": key, "uri": ", ".join(dict.fromkeys(use.uri for use in uses))}
        names = ", ".join(dict.fromkeys(use.name for use in uses))
        state = now_at(sources, ref, use)
        summary = f"sha256 {short(key)}, {use.uri}"
        return LineageNode(ref, f"data.{names}", summary, facts, use.uri, state)

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give the runs that have written it."""
        yield from _runs(sources, key, WRITTEN, "wrote")

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give the runs that have read it."""
        yield from _runs(sources, key, READ, "was read by")


def uses_of(sources: LineageSources, sha256: str) -> list[DataUse]:
    """Return how runs have used a content, the latest first."""
    uses = (use for links in sources.links for use in links.data if use.sha256 == sha256)
    return list(dict.fromkeys(uses))[::-1]


def _runs(sources: LineageSources, sha256: str, action: str, meaning: str) -> Iterator[RelatedRef]:
    runs = sources.runs_where(
        lambda links: any((use.action, use.sha256) == (action, sha256) for use in links.data)
    )
    yield from (related(RUN, links.key, meaning) for links in runs)


def now_at(sources: LineageSources, ref: Ref, use: DataUse) -> str:
    """Compare what a data set's URI has now with what a run has used, and return the state."""
    if not is_file_uri(use.uri):
        sources.fault(UNCHECKED, ref, use.uri, "data that are in no folder of this machine")
        return UNCHECKED
    found = content_at(path_of(use.uri))
    if found == use.sha256:
        return ""
    state = {"": MISSING, "-": UNCHECKED}.get(found, CHANGED)
    words = {"": "nothing", "-": f"more than {LARGEST} bytes, which weren't read"}
    return sources.fault(
        state, ref, use.uri, words.get(found, f"sha256 {found}"), f"sha256 {use.sha256}"
    )


def content_at(path: Path) -> str:
    """Return the sha256 of a file, or of a folder's files; empty for none, ``-`` for too much."""
    if path.is_file():
        return file_sha256(path)
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and not _hidden(file, path)]
    if not files:
        return ""
    digests = {file.relative_to(path).as_posix(): file_sha256(file) for file in files}
    return "-" if "-" in digests.values() else digest_of_parts(
        {name: (sha256, 0) for name, sha256 in digests.items()}
    )  # fmt: skip


def _hidden(file: Path, folder: Path) -> bool:
    return any(part[:1] in (".", "_") for part in file.relative_to(folder).parts)


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file; ``-`` for one that is too large."""
    if path.stat().st_size > LARGEST:
        return "-"
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
