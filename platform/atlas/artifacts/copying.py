"""Files of artifacts, written where a person wants them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from atlas.artifacts.finding import find
from atlas.errors import AtlasError, StoreError
from atlas.store.manifest import path_digest

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.artifacts.finding import Artifact
    from atlas.artifacts.opening import OpenedArtifacts


def copied(place: OpenedArtifacts, address: str, folder: Path, part: str = "") -> list[str]:
    """Copy the files of an artifact, or of a model's parts, to a folder; return their paths.

    Args:
        place: where they are looked for.
        address: ``RUN/step.output`` or ``models:/NAME@ALIAS``.
        folder: where to; it is made when it is missing.
        part: of a model, the only part.

    Raises:
        AtlasError: there is no such artifact, or a file of that name is there.
        StoreError: it isn't what was written.
    """
    found = [one for one in find(place, address) if part in ("", one.output)]
    if not found:
        raise AtlasError(f"{address}: has no part '{part}'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [str(_copy(artifact, folder)) for artifact in found]
    except OSError as error:
        reason = error.strerror or error
        raise AtlasError(f"{folder}: {reason}; expected a folder to write to") from None


def _copy(artifact: Artifact, folder: Path) -> Path:
    """Copy one file or folder: under a temporary name first, for what is read may be damaged."""
    source = artifact.store.location.local(artifact.manifest.data)
    ending = source.name.removeprefix("data")
    target = folder / f"{artifact.name}{ending}"
    if target.exists():
        raise AtlasError(f"{target}: is there already; expected a free name, or another --out")
    temporary = folder / f".{target.name}.part"
    if temporary.is_dir():
        shutil.rmtree(temporary)
    if source.is_dir():
        shutil.copytree(source, temporary)
    else:
        shutil.copyfile(source, temporary)
    sha256, _ = path_digest(temporary)
    if sha256 != artifact.manifest.sha256:
        shutil.rmtree(temporary) if temporary.is_dir() else temporary.unlink()
        raise StoreError(f"{artifact.name}: its sha256 isn't that of its manifest: it was altered")
    return temporary.rename(target)
