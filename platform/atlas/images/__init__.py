"""Step images: known by their content, built once, pushed and pinned by digest."""

from atlas.images.attached import attach, attached, detach
from atlas.images.build import (
    BUILT,
    FAILED,
    PUSHED,
    UNCHANGED,
    BuildOutcome,
    build_images,
    lock_images,
    raise_failures,
)
from atlas.images.builders import BUILDERS, Builder, find_builder
from atlas.images.content import (
    NO_IMAGE,
    content_tag,
    reference,
    references,
    repository,
    tag_of,
)
from atlas.images.desired import DesiredImage, desired_images, monitor_image
from atlas.images.ensure import ensure_images
from atlas.images.final import in_engine
from atlas.images.garbage import collect_garbage
from atlas.images.listing import ListedImage, list_images
from atlas.images.presence import present, pushed_images, require_pushed, require_there
from atlas.images.prune import Pruning, delete_image, plan_pruning, prune
from atlas.images.reach import referenced, run_in
from atlas.images.records import Built, known_images, records, resolve_images, used_images
from atlas.images.registry import ImageRegistry, host_at
from atlas.images.work import Work, alone

__all__ = [
    "BUILDERS",
    "BUILT",
    "Builder",
    "Built",
    "FAILED",
    "ListedImage",
    "NO_IMAGE",
    "BuildOutcome",
    "PUSHED",
    "Pruning",
    "ImageRegistry",
    "UNCHANGED",
    "DesiredImage",
    "Work",
    "alone",
    "attach",
    "attached",
    "build_images",
    "collect_garbage",
    "content_tag",
    "delete_image",
    "detach",
    "ensure_images",
    "find_builder",
    "host_at",
    "in_engine",
    "known_images",
    "list_images",
    "lock_images",
    "monitor_image",
    "plan_pruning",
    "present",
    "prune",
    "pushed_images",
    "raise_failures",
    "records",
    "reference",
    "referenced",
    "references",
    "repository",
    "require_pushed",
    "require_there",
    "resolve_images",
    "run_in",
    "tag_of",
    "used_images",
    "desired_images",
]
