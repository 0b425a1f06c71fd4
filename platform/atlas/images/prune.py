"""Pruning: images that nothing refers to leave the registry, the engine and the store."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import CommandError
from atlas.images.attached import detach
from atlas.images.builders import LOCAL
from atlas.images.records import record_key, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from atlas.images.builders import Builder
    from atlas.images.records import Built
    from atlas.images.registry import ImageRegistry
    from atlas.store import Store


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is to go, and what stays.

    Attributes:
        doomed: images that nothing refers to.
        kept: the others.
    """

    doomed: tuple[Built, ...]
    kept: tuple[Built, ...]

    @property
    def environments(self) -> tuple[str, ...]:
        """The lower layers that only doomed images have."""
        gone = {image.environment for image in self.doomed}
        return tuple(sorted(gone - {image.environment for image in self.kept} - {""}))


def plan_pruning(
    store: Store, referenced: set[str], *, desired: Iterable[str] = (), keep: int = 2
) -> Pruning:
    """Tell which images may go; nothing is removed.

    Args:
        store: where builds are recorded.
        referenced: digests that a deployment or a release refers to; they stay.
        desired: names (repository and tag) that stay, too: what pipelines want today.
        keep: how many of the newest of each repository stay in any case.
    """
    known = list(records(store))
    stays = {image.name for image in known if image.digest in referenced} | set(desired)
    by_repository: dict[str, list[Built]] = defaultdict(list)
    for image in known:
        by_repository[image.repository].append(image)
    for group in by_repository.values():
        newest = sorted(group, key=lambda image: image.created, reverse=True)[:keep]
        stays |= {image.name for image in newest}
    # Two tags may be one image: it goes only with its last one.
    digests = {(image.repository, image.digest) for image in known if image.name in stays}
    doomed = [
        image
        for image in known
        if image.name not in stays and (image.repository, image.digest) not in digests
    ]
    gone = {image.name for image in doomed}
    return Pruning(tuple(doomed), tuple(image for image in known if image.name not in gone))


def prune(
    pruning: Pruning,
    store: Store,
    registry: ImageRegistry | None,
    builder: Builder | None,
    say: Callable[[str], None],
) -> None:
    """Remove what a pruning dooms; a repeat goes on where one was interrupted.

    Args:
        pruning: what is to go.
        store: where builds are recorded.
        registry: where images are.
        builder: where they were built; None leaves the engine as it is.
        say: takes a line for each image.

    Raises:
        PlatformError: the registry refuses or doesn't answer.
    """
    for image in pruning.doomed:
        say(f"removing {image.name}")
        if registry is not None and image.digest:
            delete_image(registry, image.repository, image.digest)
        _forget(builder, f"{LOCAL}{image.name}")
        _forget(builder, f"{image.registry}/{image.pinned}")
        if image.sbom:
            store.location.remove(image.sbom)
        store.location.remove(record_key(image.repository, image.tag))
    for digest in pruning.environments:
        _forget(builder, f"{LOCAL}atlas/environment:{digest}")


def delete_image(registry: ImageRegistry, repository: str, digest: str) -> bool:
    """Delete an image and the bill of materials that is attached to it; tell whether it was there.

    Raises:
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    detach(registry, repository, digest)
    return registry.delete(repository, digest)


def _forget(builder: Builder | None, name: str) -> None:
    """Remove an image from the engine, unless it isn't there or is in use."""
    if builder is not None:
        with contextlib.suppress(CommandError):
            builder.remove(name)
