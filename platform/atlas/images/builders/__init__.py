"""Builders behind one small protocol: docker buildx, podman, buildah; the first that answers."""

from atlas.images.builders.finding import BUILDERS, find_builder
from atlas.images.builders.protocol import (
    DEFAULT_PATH,
    LOCAL,
    TIME,
    Access,
    Build,
    Builder,
    Facts,
    full_name,
    host_of,
    is_loopback,
)

__all__ = [
    "BUILDERS",
    "DEFAULT_PATH",
    "LOCAL",
    "TIME",
    "Access",
    "Build",
    "Builder",
    "Facts",
    "find_builder",
    "full_name",
    "host_of",
    "is_loopback",
]
