"""What an image is made of, as one tag: known without building, and the same on every machine."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.images.base import base_of
from atlas.images.dockerfile import BASE_ARGUMENT, context_files, read_dockerfile
from atlas.images.lock import lock_for
from atlas.images.requirements import DISTRIBUTION
from atlas.recipe import Image
from atlas.values import digest

if TYPE_CHECKING:
    from atlas.plan import Plan

FORM = 2
"""The version of how images are put together; a new one makes every tag a new one."""
TAG_LENGTH = 16
NO_IMAGE = ""
"""The name, in a Plan, of the image of steps that name none: the base, and Atlas alone."""

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


def content_tag(plan: Plan, image_name: str, folder: Path) -> str:
    """Return the tag of one of a Plan's images: a digest of everything that goes into it.

    That is the base image or the Dockerfile with what it copies, the lock of the requirements, the
    code of Atlas, the code of the pipeline, and `FORM`. Nothing is built, and no network is used.

    Args:
        plan: the Plan.
        image_name: a name in `Plan.images`, or `NO_IMAGE`.
        folder: the pipeline's folder.

    Raises:
        InvalidError: a file that the image is made from is missing or outside of the folder.
        KeyError: the Plan has no such image.
    """
    return tag_of(plan.images[image_name] if image_name else Image(), folder, plan.code)


def tag_of(image: Image, folder: Path, code: str) -> str:
    """Return the content tag of an image with a pipeline's code in it; see `content_tag`."""
    parts = {
        "form": FORM,
        "environment": environment_digest(image, folder),
        "atlas": atlas_digest(),
        "code": code,
    }
    return digest(parts)[:TAG_LENGTH]


def repository(config: str, image_name: str) -> str:
    """Return the repository of an image, without a registry's host: one a Config and image name."""
    return "/".join(("atlas", _component(config), _component(image_name or "default")))


def reference(plan: Plan, image_name: str, folder: Path) -> str:
    """Return an image's reference before it is built: the ready image's own, or by content tag."""
    ready = plan.images[image_name].reference if image_name else ""
    return ready or f"{repository(plan.config, image_name)}:{content_tag(plan, image_name, folder)}"


def references(plan: Plan, folder: Path) -> dict[str, str]:
    """Return the reference of each image that steps of the Plan use, `NO_IMAGE` among them."""
    names = (NO_IMAGE, *sorted(plan.images))
    return {name: reference(plan, name, folder) for name in names}


def foundation_digest(image: Image, folder: Path) -> str:
    """Return the digest of what requirements are installed on: a base, or the user's Dockerfile."""
    base = base_of(image, folder)
    if not image.dockerfile:
        return digest({"base": base})
    text = read_dockerfile(folder, image.dockerfile)
    files = {
        file.relative_to(folder).as_posix(): _file_digest(file)
        for file in context_files(folder, text)
    }
    return digest({"dockerfile": text, "files": files, "base": base * (BASE_ARGUMENT in text)})


def environment_digest(image: Image, folder: Path) -> str:
    """Return the digest of all layers below Atlas and the code: they change but seldom."""
    locked = lock_for(image, folder).digest
    return digest({"form": FORM, "foundation": foundation_digest(image, folder), "lock": locked})


@cache
def atlas_digest() -> str:
    """Return the digest of Atlas itself: the files of its package, and its version."""
    whole = hashlib.sha256(version(DISTRIBUTION).encode())
    root = package_folder()
    for file in package_files():
        whole.update(f"\n{file.relative_to(root).as_posix()}\0{_file_digest(file)}".encode())
    return whole.hexdigest()


def package_folder() -> Path:
    """Return the folder of the package ``atlas``."""
    return Path(__file__).parent.parent


def package_files() -> list[Path]:
    """Return the files of the package ``atlas``, sorted by their path."""
    root = package_folder()
    files = (file for file in root.rglob("*") if "__pycache__" not in file.parts)
    return sorted(file for file in files if file.is_file() and not file.name.startswith("."))


def _component(name: str) -> str:
    """Return a name as one part of a repository; a name that OCI doesn't allow is marked."""
    if _COMPONENT.fullmatch(name):
        return name
    parts = "-".join(re.findall(r"[a-z0-9]+", name.lower()))
    return f"{parts}-{digest(name)[:8]}".strip("-")


def _file_digest(file: Path) -> str:
    mode = "x" if file.stat().st_mode & 0o100 else "-"
    return mode + hashlib.sha256(file.read_bytes()).hexdigest()
