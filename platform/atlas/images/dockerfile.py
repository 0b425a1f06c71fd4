"""Dockerfiles of users: which files of the pipeline's folder go into the build, and no others."""

from __future__ import annotations

import fnmatch
import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from atlas.images.problems import invalid, place

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE_ARGUMENT = "ATLAS_BASE"
"""The build argument that holds the project's base image, for a Dockerfile that asks for it."""

_SKIPPED = {"__pycache__", "node_modules"}
_COPY = re.compile(r"^(COPY|ADD)\s+(.*)$", re.IGNORECASE)
_MOUNT = re.compile(r"^RUN\s.*--mount=", re.IGNORECASE)
_FLAG = re.compile(r"^--[a-z]+(=\S*)?\s+")


def read_dockerfile(folder: Path, path: str) -> str:
    """Return a Dockerfile's text.

    Raises:
        InvalidError: it isn't in the pipeline's folder, or can't be read.
    """
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()):
        message = "is outside of the pipeline's folder"
        raise invalid("I104", message, file=path, hint="move it there")
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "isn't UTF-8 text"
        message = f"the Dockerfile can't be read: {reason}"
        raise invalid("I104", message, file=place(file, folder.resolve())) from None


def context_files(folder: Path, text: str) -> list[Path]:
    """Return the files that a Dockerfile copies into the image, sorted; the context has no other.

    So an edit of another file rebuilds nothing, and a hidden file (``.env``, ``.netrc``) never
    gets into a layer unless it is named in full. Where a source can't be told from the text alone
    (a variable, a mount), all files count that aren't hidden.
    """
    patterns = copied(text)
    names = (file for file in _files(folder))
    if patterns is None:
        return sorted(file for file in names if not _hidden(file.relative_to(folder)))
    return sorted(file for file in names if _matches(file.relative_to(folder), patterns))


def copied(text: str) -> list[str] | None:
    """Return the sources of all COPY and ADD instructions; None when they can't be told."""
    all_sources: list[str] = []
    for line in instructions(text):
        if _MOUNT.match(line):
            return None
        copy = _COPY.match(line)
        if copy is None:
            continue
        sources = _sources(copy[2])
        if any("$" in source or "<<" in source for source in sources):
            return None
        all_sources += sources
    return all_sources


def instructions(text: str) -> Iterator[str]:
    """Return a Dockerfile's instructions, one a line, without comments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\[ \t]*\n", " ", "\n".join(lines))
    return (line.strip() for line in joined.splitlines() if line.strip())


def _sources(arguments: str) -> list[str]:
    """Return the sources of one COPY or ADD; those of another stage or the web are none."""
    while flag := _FLAG.match(arguments):
        if flag[0].startswith("--from="):
            return []
        arguments = arguments[flag.end() :]
    try:
        words = json.loads(arguments) if arguments.startswith("[") else arguments.split()
    except ValueError:
        words = arguments.split()
    return [word for word in words[:-1] if "://" not in word]


def _files(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and name != ".git"]
        yield from (Path(top) / name for name in names if not name.endswith(".pyc"))


def _matches(file: Path, patterns: list[str]) -> bool:
    """Tell whether a source names a file, a folder above it, or a pattern that fits either."""
    path = PurePosixPath(file.as_posix())
    for pattern in patterns:
        desired = os.path.normpath(pattern.lstrip("/") or ".")
        if desired == ".":
            if not _hidden(file):
                return True
        elif any(
            fnmatch.fnmatchcase(str(candidate), desired) for candidate in (path, *path.parents)
        ):
            beyond = PurePosixPath(*path.parts[len(PurePosixPath(desired).parts) :])
            if not _hidden(beyond):
                return True
    return False


def _hidden(path: Path | PurePosixPath) -> bool:
    return any(part.startswith(".") for part in path.parts)
