"""What a new pipeline may be called, and what it is called by default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, DocumentError
from atlas.load import Loader, load_configs, shown
from atlas.registered import STORE_FOLDERS

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.environment import Project
    from atlas.load import ConfigFile

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_WHAT = "lower-case letters, digits, - and _, at most 63, a letter first"
_TAKEN = (
    *("cache", "code", "configs", "data", "deployments", "environments", "models"),
    *("node_modules", "plans", "tests", *STORE_FOLDERS),
)
"""Folders that mean something else, in a project or in the artifact store."""


def checked_name(name: str) -> str:
    """Return a name that a pipeline may have.

    Raises:
        AtlasError: it may not; the message suggests the nearest that it may.
    """
    if not _NAME.fullmatch(name):
        near = _tidy(name)
        hint = f" (did you mean '{near}'?)" if near else ""
        raise AtlasError(
            f"--name: '{name[:80]}' isn't a name for a pipeline; expected {_WHAT}{hint}"
        )
    if name in _TAKEN:
        raise AtlasError(f"--name: a folder '{name}' means something else; choose another name")
    return name


def name_from(folder: Path) -> str:
    """Return the name that a pipeline takes from a folder.

    Raises:
        AtlasError: none can be made of the folder's name.
    """
    name = _tidy(folder.name)
    if not name or name in _TAKEN:
        reason = f"the folder's name '{folder.name}' gives no name for a pipeline"
        raise AtlasError(f"{reason}; say one with --name ({_WHAT})")
    return name


def check_free(project: Project, folder: Path, name: str) -> None:
    """Check that no other pipeline of the project has the name.

    Raises:
        AtlasError: one has.
    """
    if not project.explicit:
        return
    quiet = Loader(project)
    for file in _configs(project, quiet):
        if file.config.name == name and file.folder.resolve() != folder:
            where = shown(file.document.path)
            raise AtlasError(f"--name: {where} is a pipeline '{name}' already; choose another name")


def _configs(project: Project, loader: Loader) -> list[ConfigFile]:
    try:
        return load_configs(project.root, loader)
    except DocumentError:
        return []


def _tidy(text: str) -> str:
    """Return the nearest name that a pipeline may have, or nothing."""
    tidy = re.sub(r"[^a-z0-9_-]+", "-", text.strip().lower()).lstrip("0123456789_-").rstrip("-_")
    return tidy[:63] if _NAME.fullmatch(tidy[:63]) else ""
