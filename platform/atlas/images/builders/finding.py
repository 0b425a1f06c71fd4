"""Which builder this machine has."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.containers import find_engine
from atlas.errors import PlatformError
from atlas.images.builders.buildah import Buildah
from atlas.images.builders.docker import Docker
from atlas.images.builders.podman import Podman

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from atlas.images.builders.protocol import Builder

BUILDERS: Mapping[str, Callable[[Path], Builder | None]] = {
    "docker": Docker.find,
    "podman": Podman.find,
    "buildah": Buildah.find,
}
"""How each is found, in the order in which they are asked."""


def find_builder(state: Path, choice: str = "") -> Builder:
    """Return the first builder that answers; a docker client without an engine doesn't.

    Args:
        state: the state folder.
        choice: the one to use; empty for the first.

    Raises:
        PlatformError: I202, none answers, or there is none of that name.
    """
    if choice and choice not in BUILDERS:
        raise PlatformError(f"no builder '{choice}'; expected {', '.join(BUILDERS)}", code="I202")
    names = [choice] if choice else list(BUILDERS)
    for name in names:
        builder = BUILDERS[name](state)
        if builder is not None:
            return builder
    have = _have(names, state)
    hint = f"install podman or buildah, or start docker; {command('doctor')} shows what is there"
    raise PlatformError(
        f"nothing to build images with ({', '.join(names)}): {have}; {hint}", code="I202"
    )


def _have(names: Sequence[str], state: Path) -> str:
    """Say what there is, though none of it builds."""
    if "docker" in names and find_engine(state, "docker"):
        return "docker answers, but has no buildx (its package is docker-buildx-plugin)"
    installed = [name for name in names if shutil.which(name)]
    return (
        f"{', '.join(installed)} found, but no engine answers" if installed else "none is installed"
    )
