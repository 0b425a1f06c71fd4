"""Images of manifests: from a mirror, and by digest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.manifests.objects import Manifest

ANY = "*"
"""In a table of mirrors, every registry that isn't named."""
_IMAGE = re.compile(
    r"(?P<flag>--[\w-]+=)?(?P<image>(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?)/"
    r"[a-z0-9._/-]+:[\w.-]+(?:@sha256:[0-9a-f]{64})?)"
)
"""A text that is a whole image with its registry, or a flag with one: what a container is given."""
_HUB = "docker.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSources:
    """Where images are pulled from.

    Attributes:
        mirrors: registry → what stands in its place, with a path (``registry.example/hub``); ``*``
            for all that aren't named, whose own name is then kept behind it.
        digests: image with its registry and tag → digest (``sha256:…``).
    """

    mirrors: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, image: str) -> str:
        """Return the image to pull in place of one."""
        whole = canonical(image)
        pinned = self.digests.get(whole)
        host, _, path = (f"{whole}@{pinned}" if pinned else whole).partition("/")
        if host in self.mirrors:
            return f"{self.mirrors[host].rstrip('/')}/{path}"
        if ANY in self.mirrors:
            return f"{self.mirrors[ANY].rstrip('/')}/{host}/{path}"
        return f"{host}/{path}" if pinned else image

    def patch(self, manifests: Iterable[Manifest]) -> list[Manifest]:
        """Return objects whose images are pulled from here.

        Images are where a field is called ``image``, and where a whole text is one with its
        registry and tag, as in the arguments of operators that start pods of their own.
        """
        return [self._patched(manifest) for manifest in manifests]

    def _patched(self, value: Any, key: str = "") -> Any:
        """Return a part of an object with its images replaced."""
        if isinstance(value, dict):
            return {name: self._patched(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [self._patched(part) for part in value]
        found = _named(value, key)
        return value if found is None else f"{found[0]}{self.resolve(found[1])}"


def images(value: Any, key: str = "") -> set[str]:
    """Return the images, each with its registry, that objects or a part of one name."""
    if isinstance(value, dict):
        return {one for name, part in value.items() for one in images(part, name)}
    if isinstance(value, list):
        return {one for part in value for one in images(part)}
    found = _named(value, key)
    return set() if found is None else {canonical(found[1])}


def _named(value: object, key: str) -> tuple[str, str] | None:
    """Return the flag in front of the image that a text names, and the image; None for no image."""
    if not isinstance(value, str):
        return None
    if key == "image" and " " not in value and value:
        return "", value
    found = _IMAGE.fullmatch(value)
    return None if found is None else (found["flag"] or "", found["image"])


def canonical(image: str) -> str:
    """Return an image with its registry: ``mysql:8`` is ``docker.io/library/mysql:8``."""
    host, slash, _ = image.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return image
    return f"{_HUB}/{image}" if slash else f"{_HUB}/library/{image}"
