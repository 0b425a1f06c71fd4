"""Whether images that were pushed are still in the registry: one question an image, at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.errors import DeployError
from atlas.images.desired import desired_images
from atlas.images.records import read_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.images.desired import DesiredImage
    from atlas.images.records import Built
    from atlas.images.registry import ImageRegistry
    from atlas.plan import Pipeline
    from atlas.store import Store

_AT_ONCE = 8


def pushed_images(pipelines: Iterable[Pipeline], store: Store) -> list[tuple[DesiredImage, Built]]:
    """Return the images of pipelines that are recorded as pushed.

    Args:
        pipelines: whose images.
        store: where builds are recorded.
    """
    known = (
        (desired_image, read_record(store, desired_image.repository, desired_image.tag))
        for desired_image in desired_images(pipelines)
    )
    return [(image, built) for image, built in known if built is not None and built.digest]


def require_pushed(pipelines: Iterable[Pipeline], store: Store, registry: ImageRegistry) -> None:
    """Refuse images whose recorded digest the registry doesn't have any more.

    An image that isn't recorded as pushed isn't looked for.

    Args:
        pipelines: whose images.
        store: where builds are recorded.
        registry: where they have to be.

    Raises:
        DeployError: I201, at least one of them is gone; it names them all.
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    require_there(registry, [built.pinned for _, built in pushed_images(pipelines, store)])


def require_there(registry: ImageRegistry, pinned: Iterable[str]) -> None:
    """Refuse images that a registry doesn't have.

    Args:
        registry: where they have to be.
        pinned: repository and digest of each, ``atlas/tumour/base@sha256:…``.

    Raises:
        DeployError: I201, at least one of them is gone; it names them all.
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    desired = list(pinned)
    there = present(registry, desired)
    gone = [reference for reference in desired if reference not in there]
    if gone:
        what = f"registry {registry.host}: images that were pushed are gone: {', '.join(gone)}"
        raise DeployError(f"{what}; {command('build')} builds and pushes them again", code="I201")


def present(registry: ImageRegistry, pinned: Iterable[str]) -> set[str]:
    """Return those of some images that a registry has.

    Args:
        registry: where they may be.
        pinned: repository and digest of each.

    Raises:
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    desired = sorted(set(pinned))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        there = list(pool.map(lambda reference: _is_there(registry, reference), desired))
    return {reference for reference, is_there in zip(desired, there, strict=True) if is_there}


def _is_there(registry: ImageRegistry, pinned: str) -> bool:
    repository, _, digest = pinned.partition("@")
    return registry.digest(repository, digest) == digest
