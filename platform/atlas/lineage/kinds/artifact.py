"""Artifacts: what runs have made, such as predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.lineage.graph import ALTERED, MISSING, UNCHECKED, LineageNode, Ref, short
from atlas.lineage.kinds.kind import ARTIFACT, RUN, related
from atlas.store import FolderLocation
from atlas.store.keys import is_artifact_key
from atlas.store.manifest import path_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.sources import LineageSources
    from atlas.store import Manifest

LARGEST_REMOTE = 64 << 20
"""Bytes up to which an artifact of a store that isn't a folder is read to be compared."""


class ArtifactKind:
    """An output of a step in a run; its key is its folder in the store."""

    name = ARTIFACT

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return an artifact, once its bytes, its manifest and its run's record agree."""
        ref, at = Ref(ARTIFACT, key), f"{sources.store.url}/{key}"
        name = key.partition("/")[2].partition("/")[2]
        try:
            manifest = sources.store.manifest_at(key)
        except StoreError as error:
            is_there = sources.store.location.exists(f"{key}/manifest.json")
            state = sources.fault(ALTERED if is_there else MISSING, ref, at, str(error))
            return LineageNode(ref, name, "", {}, at, state)
        states = (
            check_content(sources, ref, manifest),
            _check_outcome(sources, ref, manifest),
            _check_origin(sources, ref, manifest),
        )
        facts = {
            "sha256": manifest.sha256,
            "type": manifest.type,
            "format": manifest.format,
            "size": f"{manifest.size} bytes",
            "data": f"{sources.store.url}/{manifest.data}",
        }
        summary = f"{manifest.type}, {manifest.size} bytes, sha256 {short(manifest.sha256)}"
        return LineageNode(ref, name, summary, facts, at, next(filter(None, states), ""))

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give the run that made it, and the artifact whose data it uses."""
        yield related(RUN, "/".join(key.split("/")[:2]), "made")
        earlier = _earlier(sources, key)
        if earlier:
            yield related(ARTIFACT, earlier, "was taken from the cache for")

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give nothing: what reads an artifact names its run or its model."""
        yield from ()


def _earlier(sources: LineageSources, key: str) -> str:
    """Return the folder of the earlier artifact whose data an artifact uses; empty for its own."""
    try:
        folder = sources.store.manifest_at(key).data.rpartition("/")[0]
    except StoreError:
        return ""
    return folder if folder != key and is_artifact_key(folder) else ""


def check_content(sources: LineageSources, ref: Ref, manifest: Manifest) -> str:
    """Compare an artifact's bytes with its manifest, and return the state of the node."""
    location, where = sources.store.location, f"{sources.store.url}/{manifest.data}"
    if not isinstance(location, FolderLocation) and manifest.size > LARGEST_REMOTE:
        found = f"{manifest.size} bytes in a store that isn't a folder, which weren't read"
        return sources.fault(UNCHECKED, ref, where, found)
    try:
        sha256, size = path_digest(location.local(manifest.data), manifest.size)
    except FileNotFoundError:
        return sources.fault(MISSING, ref, where, "nothing", f"sha256 {manifest.sha256}")
    except (OSError, StoreError) as error:
        return sources.fault(UNCHECKED, ref, where, str(error))
    found = f"sha256 {sha256}" if sha256 else f"{size} bytes"
    expected = f"sha256 {manifest.sha256}" if sha256 else f"{manifest.size} bytes"
    return sources.compare(ref, where, found, f"{expected}, as its manifest says") if (
        sha256 != manifest.sha256
    ) else ""  # fmt: skip


def _check_origin(sources: LineageSources, ref: Ref, manifest: Manifest) -> str:
    """Compare what a manifest says of its run and the model that it used with the run's record."""
    pipeline, name, *_ = ref.key.split("/")
    if not manifest.origin or not sources.store.has_run(pipeline, name):
        return ""
    try:
        run = sources.store.run(pipeline, name)
    except StoreError:
        return ""
    models = [version.facts() for version in (run.model, run.challenger) if version]
    where = f"{sources.store.url}/{ref.key}/manifest.json"
    said, model = str(manifest.origin.get("run", name)), manifest.origin.get("model")
    if said != name:
        return sources.fault(ALTERED, ref, where, f"run {said}", f"run {name}, which it lies in")
    if model is not None and dict(model) not in models:
        expected = f"{models[0] if models else 'none'}, as {pipeline}/{name}/run.json says"
        return sources.fault(ALTERED, ref, where, f"model {dict(model)}", f"model {expected}")
    return ""


def _check_outcome(sources: LineageSources, ref: Ref, manifest: Manifest) -> str:
    """Compare a manifest with what its step has recorded."""
    pipeline, run, step, *rest = ref.key.split("/")
    index = int(rest[0]) if len(rest) > 1 else None
    outcome = sources.store.outcome(pipeline, run, step, index) or {}
    recorded = str(outcome.get("outputs", {}).get(rest[-1], ""))
    if recorded in ("", manifest.sha256):
        return ""
    where = f"{sources.store.url}/{ref.key}/manifest.json"
    expected = f"{recorded}, as the outcome of its step says"
    return sources.fault(ALTERED, ref, where, manifest.sha256, expected)
