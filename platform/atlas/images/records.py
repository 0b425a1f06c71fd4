"""What was built, as the store remembers it: by repository and content tag."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import DeployError
from atlas.images.content import NO_IMAGE, repository, tag_of
from atlas.load import shown
from atlas.recipe import Image
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from atlas.plan import Plan
    from atlas.store import Store

ROOT = "images"
"""The folder of the store that holds records and bills of materials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One image that was built.

    Attributes:
        repository: ``atlas/<config>/<image>``, without a registry's host.
        tag: its content tag.
        digest: of its manifest in the registry, ``sha256:…``; empty while it is only built.
        registry: host and port that it was pushed to.
        identity: the engine's own id of it.
        size: bytes of its layers, compressed as the registry has them.
        unpacked: bytes of its files, as the engine has them.
        base: reference of what it is built on.
        base_digest: digest of that at the time, where the engine knows it.
        python: version of its Python.
        atlas: version of Atlas in it.
        recipe: the Recipe's name.
        commit: git commit of the pipeline's folder, ``-dirty`` behind it when files had changed.
        code: digest of the code in it.
        environment: digest of the layers below Atlas and the code.
        package: digest of Atlas in it.
        sbom: key in the store of its bill of materials.
        builder: what built it, with its version.
        created: when, ISO 8601.
    """

    repository: str
    tag: str
    digest: str = ""
    registry: str = ""
    identity: str = ""
    size: int = 0
    unpacked: int = 0
    base: str = ""
    base_digest: str = ""
    python: str = ""
    atlas: str = ""
    recipe: str = ""
    commit: str = ""
    code: str = ""
    environment: str = ""
    package: str = ""
    sbom: str = ""
    builder: str = ""
    created: str = ""

    @property
    def name(self) -> str:
        """Repository and tag: its name in the engine and before it is pushed."""
        return f"{self.repository}:{self.tag}"

    @property
    def pinned(self) -> str:
        """Repository and digest, without a registry's host."""
        return f"{self.repository}@{self.digest}"

    def to_json(self) -> dict[str, str | int]:
        """Return it as plain data."""
        return asdict(self)


def record_key(repository: str, tag: str) -> str:
    """Return the key of an image's record."""
    return f"{ROOT}/{repository}/{tag}.json"


def read_record(store: Store, repository: str, tag: str) -> Built | None:
    """Return what is known of an image; None when it isn't built, or its record is unreadable."""
    try:
        raw = json.loads(store.location.read(record_key(repository, tag)))
        known = {field.name for field in fields(Built)}
        return Built(**{key: value for key, value in raw.items() if key in known})
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None


def write_record(store: Store, built: Built) -> None:
    """Keep the record of an image, in place of an earlier one."""
    text = canonical(built.to_json()).encode()
    store.location.write(record_key(built.repository, built.tag), text)


def records(store: Store) -> Iterator[Built]:
    """Return every image that the store remembers, by repository and tag."""
    for entry in sorted(store.location.entries(ROOT)):
        folder, _, name = entry.key.rpartition("/")
        if name.endswith(".json") and not name.endswith(".cdx.json"):
            built = read_record(store, folder.partition("/")[2], name.removesuffix(".json"))
            if built is not None:
                yield built


def changes(desired: Mapping[str, str], built: Built) -> list[str]:
    """Return what differs between an image that is desired and one that was built.

    Args:
        desired: ``base``, ``environment``, ``package`` and ``code`` of what is desired.
        built: what there is.
    """
    words = {"base": "base", "environment": "packages", "package": "Atlas", "code": "code"}
    differences = [word for key, word in words.items() if desired[key] != getattr(built, key)]
    return [word for word in differences if word != "packages" or "base" not in differences]


def used_images(plan: Plan) -> list[str]:
    """Return the names of the images that a Plan's steps use; `NO_IMAGE` for steps without one."""
    return sorted({step.image for step in plan.steps})


def resolve_images(plan: Plan, folder: Path, store: Store, registry: str = "") -> dict[str, str]:
    """Return the references of a Plan's images, those that its steps use pinned by digest.

    Args:
        plan: the Plan.
        folder: the pipeline's folder.
        store: where builds are recorded.
        registry: host and port before the repository, as the workload reaches it; by default the
            one that the image was pushed to.

    Raises:
        DeployError: I201, at least one of them isn't built, or isn't pushed; it names them all.
        InvalidError: what an image is made from can't be read.
    """
    references = known_images(plan, folder, store, registry)
    used = ((name, references[name]) for name in used_images(plan))
    missing = [
        f"{name or 'default'} ({reference})" for name, reference in used if "@" not in reference
    ]
    if missing:
        what = f"{plan.name} {plan.flow}: not built, or not pushed: {', '.join(missing)}"
        hint = f"run {command('build', path=shown(folder))} with a registry in the platform"
        raise DeployError(f"{what}; {hint}", code="I201")
    return references


def known_images(
    plan: Plan,
    folder: Path,
    store: Store,
    registry: str = "",
    *,
    tag: Callable[[Image, Path, str], str] = tag_of,
) -> dict[str, str]:
    """Return a reference for each of a Plan's images: pinned where it is pushed, else by tag.

    Args:
        plan: the Plan.
        folder: the pipeline's folder.
        store: where builds are recorded.
        registry: as for `resolve_images`.
        tag: `tag_of`, or what remembers its answers where many Plans share their images.

    Returns:
        Name → reference, for every image of the Plan and for `NO_IMAGE`.

    Raises:
        InvalidError: what an image is made from can't be read.
    """
    names = (NO_IMAGE, *sorted(plan.images))
    ready = {name: image.reference for name, image in plan.images.items() if image.reference}
    tags = {
        name: tag(plan.images[name] if name else Image(), folder, plan.code)
        for name in names
        if name not in ready
    }
    pinned = {
        name: _pinned(plan, name, image_tag, store, registry) for name, image_tag in tags.items()
    }
    return {name: ready.get(name) or pinned[name] for name in names}


def _pinned(plan: Plan, name: str, tag: str, store: Store, registry: str) -> str:
    """Return an image's reference by digest; by its tag when there is none."""
    where = repository(plan.config, name)
    built = read_record(store, where, tag)
    if built is None or not built.digest:
        return f"{where}:{tag}"
    host = registry or built.registry
    return f"{host}/{built.pinned}" if host else built.pinned
