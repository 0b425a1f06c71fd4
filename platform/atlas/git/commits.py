"""The commit of a folder: the last that changed something in it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from atlas.git.running import Running, drivers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_COMMIT = re.compile("\\n?\\x01([0-9a-f]{40,64})")
_LOG = (
    "log",
    "-c",
    "-z",
    "--name-only",
    "--no-renames",
    "--no-relative",
    "--no-ext-diff",
    "--no-textconv",
    "--root",
    "--ignore-submodules=dirty",
    "--format=%x01%H",
)
_STATUS = ("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty")


def has_repository(folder: Path) -> bool:
    """Tell whether a folder is in a git repository, whether or not git reads it."""
    return _root(folder.resolve()) is not None


def commit_of(folder: Path) -> str:
    """Return the commit that a folder is at: the last that changed something in it.

    An edit elsewhere in the repository makes it no other one.

    Returns:
        The commit's id, with ``-dirty`` behind it where a file in the folder isn't as it was
        committed; empty outside of git, without git, and for a folder that no commit has.
    """
    return commits_of([folder])[folder]


def commits_of(folders: Iterable[Path]) -> dict[Path, str]:
    """Return `commit_of` of each folder; git is started three times a repository."""
    roots: dict[Path | None, dict[str, list[Path]]] = {}
    by_folder: dict[Path, str] = {}
    for folder in folders:
        real = folder.resolve()
        root = _root(real)
        key = real.relative_to(root).as_posix() if root else ""
        roots.setdefault(root, {}).setdefault(key, []).append(folder)
    for root, keys in roots.items():
        commits: Mapping[str, str] = {}
        with suppress(OSError):
            commits = _commits(root, [*keys]) if root else {}
        by_folder |= {
            folder: commits.get(key, "") for key, paths in keys.items() for folder in paths
        }
    return by_folder


def _root(folder: Path) -> Path | None:
    """Return the folder at or above one that has a repository."""
    every = (folder, *folder.parents)
    return next((candidate for candidate in every if os.path.lexists(candidate / ".git")), None)


def _commits(root: Path, keys: list[str]) -> dict[str, str]:
    """Return the commits of folders of one repository, by their relative path."""
    with Running(root, (*_LOG, "HEAD", "--", *keys), {}) as log:
        drivers = drivers_of(root)
        if drivers is None:
            return {}
        with Running(root, (*_STATUS, "--", *keys), drivers) as status:
            commits = _last_changed(log.pieces(), keys)
            changed = status.whole()
    if changed is None:
        return {}
    lines = filter(None, changed.split(b"\0"))
    edited = {key for line in lines for key in _above(os.fsdecode(line[3:]))}
    return {key: f"{commit}-dirty" if key in edited else commit for key, commit in commits.items()}


def _last_changed(log: Iterator[bytes], keys: list[str]) -> dict[str, str]:
    """Return the last commit that changed each folder, reading no further than is needed."""
    commits: dict[str, str] = {}
    left = {*keys}
    for commit, path in _changes(log):
        for key in left.intersection(_above(path)):
            commits[key] = commit
        left -= {*commits}
        if not left:
            break
    return commits


def _changes(lines: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """Return the commit and path of each change that `git log` prints."""
    commit = ""
    for line in lines:
        text = os.fsdecode(line)
        if match := _COMMIT.fullmatch(text):
            commit = match[1]
        elif text:
            yield commit, text.removeprefix("\n")


def _above(path: str) -> Iterator[str]:
    """Return the folders that a path is in, as `commits_of` names them."""
    yield "."
    parts = path.rstrip("/").split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])
