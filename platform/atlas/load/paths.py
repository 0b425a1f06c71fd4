"""Paths that documents name: how messages show them, and whether they stay where they may be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import Problem, clean
from atlas.load.words import nearest

if TYPE_CHECKING:
    from atlas.load.document import Document
    from atlas.load.locate import JsonPath

_MOST_SIBLINGS = 2000


def shown(path: Path) -> str:
    """Return a path as messages show it: from the working directory where it is under it."""
    try:
        full, here = os.path.abspath(path), os.getcwd()
    except OSError:
        return clean(str(path))
    if full == here:
        return os.curdir
    start = here.rstrip(os.sep) + os.sep
    return clean(full[len(start) :] if full.startswith(start) else str(path))


def is_file(path: Path) -> bool:
    """Tell whether there is a regular file; names that no file can have are none."""
    return os.path.isfile(path)


def read_at_most(path: Path, most: int) -> bytes:
    """Return a file's content; of one that is larger than a limit, one byte more than that.

    The size says how much memory to take: a limit of megabytes would cost more than the reading.
    """
    with path.open("rb") as file:
        size = min(os.fstat(file.fileno()).st_size, most)
        raw = file.read(size + 1)
        return raw if len(raw) <= size else raw + file.read(most - size)


def below(folder: Path, path: str) -> Path | None:
    """Return the file that a path from a folder means, links followed; None where none can be.

    An absolute path means nothing: it would be another file on each machine.
    """
    try:
        return None if path.startswith("/") else Path(os.path.realpath(folder / path))
    except (OSError, ValueError):
        return None


def leads_out(file: Path, root: Path) -> Problem | None:
    """Return the Problem of a file that is a link to somewhere outside of a folder, or None."""
    if _is_plainly_below(str(file), str(root)):
        return None
    if _is_below(os.path.realpath(file), os.path.realpath(root)):
        return None
    hint = "copy the file into the project's folder"
    message = "leads out of the project"
    return Problem(code="R023", message=message, file=shown(file), hint=hint)


def _is_plainly_below(path: str, folder: str) -> bool:
    """Tell whether a path leads down from a folder by no link, which is quickly seen."""
    if ".." in path:
        return False
    path, folder = os.path.abspath(path), os.path.abspath(folder)
    if not _is_below(path, folder):
        return False
    while path != folder and not os.path.islink(path):
        path = os.path.dirname(path)
    return path == folder


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def missing_file(document: Document, at: JsonPath, file: Path, code: str, what: str) -> Problem:
    """Return the Problem of a file that isn't there, with the nearest name beside it."""
    hint = nearest(file.name, _names_in(file.parent))
    message = f"there is no {what} {shown(file)}"
    return document.problem(code, at, message, found=file.name, hint=hint)


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))[:_MOST_SIBLINGS]
    except (OSError, ValueError):
        return []
