"""Images of steps, as the store remembers that they were built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.lineage.graph import ALTERED, MISSING, UNCHECKED, LineageNode, Ref, short
from atlas.lineage.kinds.commit import meaning_of
from atlas.lineage.kinds.kind import COMMIT, DEPLOYMENT, IMAGE, RELEASE, RUN, commit_of, related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.images import KnownImage
    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.sources import LineageSources


class ImageKind:
    """An image; its key is its repository with its digest, or with its tag where it has none."""

    name = IMAGE

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return an image, once its record and its bill of materials have been found whole."""
        ref = Ref(IMAGE, key)
        image = sources.image(key)
        if image is None:
            found = "no record of it: it wasn't built with this store"
            state = sources.fault(UNCHECKED, ref, f"{sources.store.url}/images", found)
            return LineageNode(ref, _name(key), "", {"reference": key}, "", state)
        facts = {
            "reference": image.name,
            "tag": image.tag,
            "base": image.base,
            "python": image.python,
            "atlas": image.atlas,
            "code": image.code,
            "packages": image.sbom,
            "created": image.created,
        }
        summary = f"Python {image.python}, on {image.base}" if image.python else ""
        state = _check_sbom(sources, ref, image)
        return LineageNode(ref, _name(key), summary, facts, image.source, state)

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give the commit whose code is in it."""
        image = sources.image(key)
        if image is not None and image.commit:
            yield related(COMMIT, commit_of(image.commit), meaning_of(image.commit, "is in"))

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give the runs whose steps ran in it, and the releases and deployments that have it."""
        names = sources.names_of(key)
        for links in sources.runs_where(lambda links: bool(names & set(links.images))):
            yield related(RUN, links.key, "ran steps of")
        for release in sources.releases.values():
            if names & set(release.images):
                yield related(RELEASE, release.name, "is pinned by")
        for entry in sources.deployments():
            if names & set(sources.images_of(entry)):
                yield related(DEPLOYMENT, entry.key, "was deployed by")


def _name(key: str) -> str:
    repository, at, digest = key.partition("@")
    return f"{repository}{at}{short(digest)}" if at else key


def _check_sbom(sources: LineageSources, ref: Ref, image: KnownImage) -> str:
    """Tell whether an image's bill of materials is there; its name in the store is its tag's."""
    if not image.sbom or sources.store.location.exists(image.sbom):
        return ""
    where = f"{sources.store.url}/{image.sbom}"
    return sources.fault(MISSING, ref, where, "nothing", "the image's bill of materials")


def check_code(sources: LineageSources, ref: Ref, image: KnownImage, code: str) -> str:
    """Compare the code of an image with that of the Plan of a run that ran in it."""
    if image.code in ("", code):
        return ""
    expected = f"code {code}, as the run's Plan says"
    return sources.fault(ALTERED, ref, image.source, f"code {image.code}", expected)
