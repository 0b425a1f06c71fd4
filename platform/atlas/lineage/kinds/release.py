"""Releases: tags of the repository, with the lock that says what they pin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.lineage.graph import ALTERED, MISSING, LineageNode, Ref, short
from atlas.lineage.kinds.kind import COMMIT, DEPLOYMENT, IMAGE, MODEL, PLAN, RELEASE, related
from atlas.lineage.kinds.model import split
from atlas.lineage.releases import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.releases import TaggedRelease
    from atlas.lineage.sources import LineageSources


class ReleaseKind:
    """A release; its key is the name of its tag."""

    name = RELEASE

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a release, once its tag, its commit, its lock and its models agree."""
        ref, at = Ref(RELEASE, key), f"tag {key} of {sources.folder}"
        release = sources.releases.get(key)
        if release is None:
            state = sources.fault(
                MISSING, ref, f"git repository of {sources.folder}", "no such tag"
            )
            return LineageNode(ref, key, "", {}, at, state)
        states = [_check_tag(sources, ref, release), _check_models(sources, ref, release)]
        facts = {
            "release": key,
            "commit": release.released,
            "tag": release.tag,
            "by": release.by,
            "atlas": str(release.lock.get("atlas", "")),
            "models": ", ".join(release.models),
            "images": ", ".join(release.images),
        }
        words = [f"commit {short(release.released)}", *release.models]
        return LineageNode(ref, key, ", ".join(words), facts, at, next(filter(None, states), ""))

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give its commit; asked for itself, also its models, Plans and images."""
        release = sources.releases.get(key)
        if release is None:
            return
        if release.released:
            yield related(COMMIT, release.released, "was released as")
        if is_root:
            yield from (related(MODEL, model, "is pinned by") for model in release.models)
            yield from (related(PLAN, plan, "is pinned by") for plan in release.plans)
            yield from (related(IMAGE, image, "is pinned by") for image in release.images)

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give the deployments of it."""
        for entry in sources.deployments():
            if entry.release == key:
                yield related(DEPLOYMENT, entry.key, "was deployed by")


def _check_tag(sources: LineageSources, ref: Ref, release: TaggedRelease) -> str:
    """Compare a release's tag with its lock: both have its name and the released commit."""
    where = f"tag {release.name}"
    if not release.commit:
        return sources.fault(ALTERED, ref, where, "no annotated tag of a commit")
    if not release.lock:
        text = f"no {LOCK} in commit {release.commit}"
        return sources.fault(ALTERED, ref, where, text, "the lock that was released")
    named = (release.named, str(release.lock.get("release", "")))
    for text, found in zip(("its own name", f"the name in {LOCK}"), named, strict=True):
        if found != release.name:
            return sources.fault(ALTERED, ref, f"{where}: {text}", found, release.name)
    found = ", ".join(release.parents)
    expected = f"{release.released}, as {LOCK} says"
    if release.parents != (release.released,):
        return sources.fault(ALTERED, ref, f"{where}: the parent of its commit", found, expected)
    return ""


def _check_models(sources: LineageSources, ref: Ref, release: TaggedRelease) -> str:
    """Compare the digests of a release's models with those that are registered."""
    for key, expected in release.models.items():
        registered = sources.version(*split(key))
        try:
            found = registered.resolved().digest if registered else ""
        except AtlasError:
            found = ""
        if found and expected and found != expected:
            text = f"{expected}, as {release.name} pins it"
            return sources.fault(ALTERED, Ref(MODEL, key), f"parts of {key}", found, text)
    return ""
