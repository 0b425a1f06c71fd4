"""The project that an existing path is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.environment import find_project
from atlas.errors import AtlasError, clean

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.environment import Project


def project_at(path: Path) -> Project:
    """Return the project that an existing path is in.

    Raises:
        AtlasError: there is nothing at the path.
        DocumentError: the project's settings are wrong.
    """
    if not path.exists():
        raise AtlasError(
            f"{clean(str(path))}: there is nothing at this path; "
            "expected a project's folder or one in it"
        )
    return find_project(path)
