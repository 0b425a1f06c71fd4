"""Step images: known by their content, built once, pushed and pinned by digest."""

from atlas.images.content import NO_IMAGE, content_tag, reference, references, repository
from atlas.images.records import Built, records, resolve_images

__all__ = [
    "NO_IMAGE",
    "Built",
    "content_tag",
    "records",
    "reference",
    "references",
    "repository",
    "resolve_images",
]
