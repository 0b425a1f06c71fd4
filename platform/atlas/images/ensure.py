"""Images that are desired, wherever they have to be: nothing is done for one that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.images.build import UNCHANGED, BuildOutcome, build_images
from atlas.images.final import local_name
from atlas.images.records import read_record
from atlas.images.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from atlas.images.builders import Builder
    from atlas.images.desired import DesiredImage
    from atlas.images.records import Built
    from atlas.images.registry import ImageRegistry
    from atlas.store import Store


def ensure_images(
    desired: Sequence[DesiredImage],
    *,
    state: Path,
    store: Store,
    registry: ImageRegistry | None,
    builder: Callable[[], Builder],
    say: Callable[[str], None],
    jobs: int = 2,
    again: bool = False,
    bases: ImageRegistry | None = None,
) -> list[BuildOutcome]:
    """Build and push what isn't there; one that fails keeps no other from being built.

    Args:
        desired: the images.
        state: the state folder.
        store: where builds are recorded.
        registry: where images have to be; None when the engine is enough.
        builder: gives the builder; it is called only when it is needed.
        say: takes a line before each thing that takes long.
        jobs: how many at a time.
        again: whether bases are looked up in their registries again, and everything is built again.
        bases: the platform's registry, which may have bases though nothing is pushed there.

    Returns:
        What came of each, in the order in which they are desired.

    Raises:
        PlatformError: the registry refuses or doesn't answer, or there is no builder.
    """
    there = {} if again else _there(desired, store, registry, builder)
    missing = [image for image in desired if image.full not in there]
    made: list[BuildOutcome] = []
    if missing:
        if registry is not None:
            registry.check()
        work = Work(
            state=state, store=store, builder=builder(), registry=registry, say=say, again=again,
            bases=bases,
        )  # fmt: skip
        made = build_images(work, missing, jobs)
    by_name = there | {outcome.desired.full: outcome for outcome in made}
    return [by_name[image.full] for image in desired]


def _there(
    desired: Sequence[DesiredImage],
    store: Store,
    registry: ImageRegistry | None,
    builder: Callable[[], Builder],
) -> dict[str, BuildOutcome]:
    """Return what is where it has to be."""
    recorded = ((image, _record(image, store, registry, builder)) for image in desired)
    return {image.full: BuildOutcome(image, UNCHANGED, built) for image, built in recorded if built}


def _record(
    desired: DesiredImage,
    store: Store,
    registry: ImageRegistry | None,
    builder: Callable[[], Builder],
) -> Built | None:
    """Return the record of an image that is where it has to be."""
    built = read_record(store, desired.repository, desired.tag)
    if built is None:
        return None
    if registry is None:
        facts = builder().facts(local_name(desired))
        return built if facts and facts.identity == built.identity else None
    if not built.digest or registry.digest(desired.repository, built.digest) != built.digest:
        return None
    return built
