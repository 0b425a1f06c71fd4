"""Which commit a pipeline's folder is at, read from git's own files."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@lru_cache(maxsize=100)
def commit_of(folder: Path) -> str:
    """Return the commit that is checked out around a folder, or nothing outside of git.

    It says nothing of changes that aren't committed: what ran is in the code's digest.
    """
    for place in (folder.resolve(), *folder.resolve().parents):
        git = place / ".git"
        if git.exists():
            return _head(_git_folder(git))
    return ""


def _git_folder(git: Path) -> Path:
    """Return git's folder; in a worktree it is elsewhere, and a file says where."""
    if git.is_dir():
        return git
    text = _text(git).removeprefix("gitdir:").strip()
    return (git.parent / text).resolve()


def _head(git: Path) -> str:
    head = _text(git / "HEAD")
    if not head.startswith("ref:"):
        return head
    ref = head.removeprefix("ref:").strip()
    common = (git / _text(git / "commondir")).resolve() if (git / "commondir").exists() else git
    return _text(git / ref) or _text(common / ref) or _packed(common, ref)


def _packed(git: Path, ref: str) -> str:
    for line in _text(git / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return ""


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
