"""The images that pipelines want: each once, however many Plans, flows and members share it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.images.base import base_of
from atlas.images.content import (
    NO_IMAGE,
    TAG_LENGTH,
    environment_digest,
    foundation_digest,
    repository,
    tag_of,
)
from atlas.images.lock import MONITOR, lock_for
from atlas.images.records import used_images
from atlas.plan import code_digest
from atlas.recipe import Image

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from atlas.images.lock import ImageLock
    from atlas.plan import Pipeline

MONITOR_IMAGE = "retraining-monitor"
"""The name of the image that the tasks of a monitor run in: Atlas, and nothing of the pipeline."""
_WATCHED = "inference"
"""The flow that a monitor's image goes with: without inference there is nothing to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredImage:
    """One image that is to be there.

    Attributes:
        name: its name in the Recipe; empty for steps that name none.
        image: what it is made from.
        folder: the pipeline's folder.
        base: reference of what it is built on.
        config: the Config that it is for.
        recipes: the Recipes that use it.
        code: digest of the code in it.
        repository: where it is to be, without a registry's host.
        tag: its content tag.
        environment: digest of the layers below Atlas and the code.
        foundation: digest of what packages are installed on.
    """

    name: str
    image: Image
    folder: Path
    base: str
    config: str
    recipes: tuple[str, ...]
    code: str
    repository: str
    tag: str
    environment: str
    foundation: str

    @property
    def full(self) -> str:
        """Repository and tag."""
        return f"{self.repository}:{self.tag}"

    @property
    def lock(self) -> ImageLock:
        """The lock of its requirements."""
        return lock_for(self.image, self.folder)


def desired_images(
    pipelines: Iterable[Pipeline], only: str = "", *, monitors: bool = True
) -> list[DesiredImage]:
    """Return every image that the steps of pipelines use, but ready ones, by name and tag.

    Args:
        pipelines: whose.
        only: the name of one image in the Recipes; empty for all.
        monitors: whether those of their monitors are among them.

    Raises:
        InvalidError: what an image is made from can't be read.
    """
    pipelines = [*pipelines]
    by_name: dict[str, DesiredImage] = {}
    for own in map(monitor_image, pipelines) if monitors else ():
        if own is not None and only in ("", own.name):
            by_name[own.full] = own
    for (config, name, folder, image, code), recipes in _used(pipelines).items():
        if only in ("", name or "default"):
            desired_image = _wanted(config, name, folder, image, code)
            earlier = by_name.get(desired_image.full)
            known = {*recipes, *(earlier.recipes if earlier else ())}
            by_name[desired_image.full] = replace(desired_image, recipes=tuple(sorted(known)))
    return [by_name[full] for full in sorted(by_name)]


def monitor_image(pipeline: Pipeline) -> DesiredImage | None:
    """Return the image that the tasks of a pipeline's monitor run in; None where it has none.

    Raises:
        InvalidError: what an image is made from can't be read.
    """
    if pipeline.retraining is None or _WATCHED not in pipeline.plans:
        return None
    base = base_of(Image(), pipeline.folder)
    image = Image(requirements="requirements.txt", base=base)
    return _wanted(pipeline.config, MONITOR_IMAGE, MONITOR, image, code_digest(MONITOR))


def _used(pipelines: Iterable[Pipeline]) -> dict[tuple[str, str, Path, Image, str], set[str]]:
    """Return what decides on an image → the Recipes that use it; members of a family share it."""
    recipes_by_key: dict[tuple[str, str, Path, Image, str], set[str]] = {}
    for pipeline in pipelines:
        for plan in pipeline.plans.values():
            for name in used_images(plan):
                image = plan.images[name] if name != NO_IMAGE else Image()
                if not image.reference:
                    key = (plan.config, name, pipeline.folder, image, plan.code)
                    recipes_by_key.setdefault(key, set()).add(plan.recipe)
    return recipes_by_key


def _wanted(config: str, name: str, folder: Path, image: Image, code: str) -> DesiredImage:
    return DesiredImage(
        name=name,
        image=image,
        folder=folder,
        base=base_of(image, folder),
        config=config,
        recipes=(),
        code=code,
        repository=repository(config, name),
        tag=tag_of(image, folder, code),
        environment=environment_digest(image, folder)[:TAG_LENGTH],
        foundation=foundation_digest(image, folder)[:TAG_LENGTH],
    )
