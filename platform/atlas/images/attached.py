"""Bills of materials as artifacts of a registry, attached to the images that they are of.

An artifact is a manifest of its own that names the image as its subject (OCI 1.1), so that it is
found from the image and copied with it. A registry that keeps no list of referrers itself gets one
under the tag that the standard gives it, ``sha256-<hex>``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.images.registry import ImageRegistry

CYCLONEDX = "application/vnd.cyclonedx+json"
"""Type of a bill of materials, as artifact and as its only layer."""

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_NOTHING = b"{}"
_TITLE = "org.opencontainers.image.title"


def attach(registry: ImageRegistry, repository: str, image: str, content: bytes, title: str) -> str:
    """Attach a bill of materials to an image, in place of an earlier one; a repeat does nothing.

    Args:
        registry: where the image is.
        repository: where there.
        image: the image's digest.
        content: the bill of materials.
        title: what a file of it would be called.

    Returns:
        The artifact's digest.

    Raises:
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    subject = registry.described(repository, image)
    layer = _descriptor(CYCLONEDX, registry.add_blob(repository, content), len(content))
    config = _descriptor(_EMPTY, registry.add_blob(repository, _NOTHING), len(_NOTHING))
    manifest = _bytes({
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "artifactType": CYCLONEDX,
        "config": config,
        "layers": [{**layer, "annotations": {_TITLE: title}}],
        "subject": subject,
    })  # fmt: skip
    earlier = attached(registry, repository, image)
    digest, is_listed = registry.add_manifest(repository, manifest, _MANIFEST)
    own = {**_descriptor(_MANIFEST, digest, len(manifest)), "artifactType": CYCLONEDX}
    if not is_listed:
        _list(registry, repository, image, own)
    for descriptor in earlier:
        if descriptor["digest"] != digest:
            registry.delete(repository, descriptor["digest"])
    return digest


def attached(registry: ImageRegistry, repository: str, image: str) -> list[dict[str, Any]]:
    """Return the descriptors of the bills of materials that are attached to an image.

    Raises:
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    return [
        referrer
        for referrer in _referrers(registry, repository, image)
        if referrer.get("artifactType") == CYCLONEDX
    ]


def detach(registry: ImageRegistry, repository: str, image: str) -> None:
    """Delete what is attached to an image that is gone, or is to go.

    Raises:
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    for descriptor in attached(registry, repository, image):
        registry.delete(repository, descriptor["digest"])
    listed = registry.digest(repository, _tag(image))
    if listed:
        registry.delete(repository, listed)


def _tag(image: str) -> str:
    """Return the tag under which the list of an image's referrers is."""
    return image.replace(":", "-", 1)


def _referrers(registry: ImageRegistry, repository: str, image: str) -> Sequence[dict[str, Any]]:
    """Return the descriptors of all that refers to an image."""
    index = registry.document(repository, f"referrers/{image}")
    if "manifests" not in index:
        index = registry.document(repository, f"manifests/{_tag(image)}")
    return index.get("manifests") or ()


def _list(registry: ImageRegistry, repository: str, image: str, own: dict[str, Any]) -> None:
    """Put an artifact on the list of an image's referrers; what others have put there stays."""
    listed = registry.document(repository, f"manifests/{_tag(image)}").get("manifests") or ()
    others = [descriptor for descriptor in listed if descriptor.get("artifactType") != CYCLONEDX]
    desired = [*others, own]
    if desired != list(listed):
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": desired}
        registry.add_manifest(repository, _bytes(index), _INDEX, _tag(image))


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest, "size": size}


def _bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
