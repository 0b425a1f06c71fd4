"""What a release pins: the file ``release.lock.json`` of its commit, as a frozen value."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.advice import mention
from atlas.errors import DeployError, DocumentError
from atlas.load.document import parse_document
from atlas.load.schema import structure_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "release.lock.json"
"""The lock's file, at the top of the release's commit."""
SCHEMA = "release-lock"
_VERSION = 1
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class LockedImage:
    """An image of a release.

    Attributes:
        reference: repository and digest, without a registry's host.
        tag: the tag of its content, which follows from the sources.
        sbom: digest of its bill of materials; empty where there is none.
    """

    reference: str
    tag: str
    sbom: str = ""

    @property
    def digest(self) -> str:
        """Its digest, ``sha256:…``."""
        return self.reference.partition("@")[2]


@dataclass(frozen=True, slots=True)
class LockedModel:
    """The model version that a pipeline of a release uses.

    Attributes:
        name: the registered name in the lock's environment.
        version: the version's number.
        digest: digest over the digests of its parts, as `atlas.store.ModelVersion.digest`.
    """

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class ReleaseLock:
    """What a release pins.

    Attributes:
        release: the release's name, ``release/<config>-<n>``.
        config: the Config's name.
        project: the project's folder in the repository; ``.`` for its top.
        path: the Config's file, from the project's folder.
        commit: the commit that is released.
        atlas: version of Atlas that the Plans were made by.
        environment: the environment whose registry and records of images it was made from.
        plans: digest of each Plan: environment → pipeline → flow.
        images: the pushed images by ``flow/name``.
        models: the model version that each pipeline uses.
    """

    release: str
    config: str
    project: str
    path: str
    commit: str
    atlas: str
    environment: str
    plans: Mapping[str, Mapping[str, Mapping[str, str]]]
    images: Mapping[str, LockedImage] = field(default_factory=dict)
    models: Mapping[str, LockedModel] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the lock as plain data."""
        images = {
            name: {key: value for key, value in asdict(image).items() if value}
            for name, image in self.images.items()
        }
        return {"version": _VERSION, **asdict(self), "images": images}

    @property
    def text(self) -> str:
        """The lock as its file has it; the same for equal locks."""
        return json.dumps(self.to_json(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def is_same_but_for_name(self, other: ReleaseLock) -> bool:
        """Tell whether two locks pin the same, whatever the releases are called."""
        return replace(self, release=other.release) == other


def parse(text: str, where: str) -> ReleaseLock:
    """Return the lock that a text holds.

    Args:
        text: the file's content.
        where: how messages name it.

    Raises:
        DeployError: L009, it isn't a lock of this format.
    """
    try:
        document = parse_document(text, Path(FILE), where)
    except DocumentError as error:
        raise _unreadable(where, [str(error)]) from None
    problems = structure_problems(SCHEMA, document)
    if problems:
        raise _unreadable(where, [str(problem) for problem in problems])
    raw = dict(document.value)
    del raw["version"]
    for name in ("project", "path"):
        if not _is_inside(raw[name]):
            reason = f"{name}: found {raw[name]!r}, expected a path in the repository"
            raise _unreadable(where, [reason])
    raw["images"] = {name: LockedImage(**image) for name, image in raw["images"].items()}
    raw["models"] = {name: LockedModel(**model) for name, model in raw["models"].items()}
    return ReleaseLock(**raw)


def _is_inside(path: str) -> bool:
    """Tell whether a path leads down from where it starts, whatever links there are."""
    return not path.startswith(("/", "-")) and "\0" not in path and ".." not in path.split("/")


def _unreadable(where: str, reasons: list[str]) -> DeployError:
    more = [f"and {len(reasons) - _SHOWN} more"] if len(reasons) > _SHOWN else []
    lines = "\n  ".join([*reasons[:_SHOWN], *more])
    return DeployError(
        f"{where}: isn't a lock that this Atlas reads; expected what {mention('release')} writes, "
        f"version {_VERSION}; make another release, or install the Atlas that wrote it:\n  {lines}",
        code="L009",
    )
