"""A project's files as a commit has them, in a private folder that is removed afterwards.

The bytes are those that were committed: no filter, conversion or substitution that the repository
asks for is done, no submodule is entered, and nothing of the repository is executed. Names and
links that would lead out of the folder are refused.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from atlas import files
from atlas.errors import DeployError, clean
from atlas.git import trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.git.trees import TreeEntry

MOST_FILES = 100_000
"""The most files of a project that is released."""
MOST_BYTES = 2 * 2**30
"""The most bytes of them together."""
_LONGEST_LINK = 4096
_NAMES = frozenset({"", ".", ".."})
_FOLDER = "releases"


@contextmanager
def extracted(top: Path, commit: str, project: str, state: Path) -> Iterator[Path]:
    """Give a project's files as a commit has them, for as long as the context lasts.

    Args:
        top: the repository's top.
        commit: the commit's full id.
        project: the project's folder in the repository; ``.`` for its top.
        state: the state folder, in which the private folder is made.

    Yields:
        The project's folder.

    Raises:
        DeployError: L016, its files can't be taken out of git.
    """
    prefix = "" if project == "." else project
    entries = trees.list_tree(top, commit, prefix)
    if not entries:
        raise _refused(commit, project, "git has no files of it; is the clone a partial one?")
    _check(commit, entries)
    folder = _private_folder(state)
    try:
        _write(top, commit, entries, folder)
        yield folder / prefix if prefix else folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _private_folder(state: Path) -> Path:
    """Return a new folder that only this user can read; remove those that were left by a kill."""
    parent = files.own(state) / _FOLDER
    parent.mkdir(mode=0o700, exist_ok=True)
    for left in parent.glob("*-*"):
        pid = left.name.partition("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(mkdtemp(prefix=f"{os.getpid()}-", dir=parent)).resolve()


def _check(commit: str, entries: Sequence[TreeEntry]) -> None:
    """Refuse what can't be written as it is.

    Raises:
        DeployError: L016, there is something.
    """
    size = sum(entry.size for entry in entries)
    if len(entries) > MOST_FILES or size > MOST_BYTES:
        found = f"{len(entries)} files of {size} bytes"
        expected = f"at most {MOST_FILES} files and {MOST_BYTES} bytes"
        raise _refused(commit, "the project", f"found {found}, expected {expected}")
    for entry in entries:
        parts = entry.path.split(b"/")
        names = {os.fsdecode(part).casefold() for part in parts}
        if names & _NAMES or ".git" in names:
            raise _refused(commit, _shown(entry), "found a name that leads elsewhere")
        if entry.kind == trees.SUBMODULE:
            message = "is a submodule, whose files the commit doesn't have; expected files"
            raise _refused(commit, _shown(entry), message)
        if entry.mode == trees.LINK and entry.size > _LONGEST_LINK:
            raise _refused(commit, _shown(entry), "is a link with too long a target")


def _write(top: Path, commit: str, entries: Sequence[TreeEntry], folder: Path) -> None:
    """Write files first and links after them, so that no file is written through a link."""
    ordered = sorted(entries, key=lambda entry: entry.mode == trees.LINK)
    try:
        contents = trees.blobs(top, [entry.id for entry in ordered])
        for entry, (_, pieces) in zip(ordered, contents, strict=True):
            path = folder / os.fsdecode(entry.path)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if entry.mode == trees.LINK:
                _link(commit, entry, path, b"".join(pieces), folder)
            else:
                _file(entry, path, pieces)
        for entry in ordered:
            _require_inside(commit, entry, folder)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise _refused(commit, "its files", f"can't be written: {clean(why)}") from error


def _file(entry: TreeEntry, path: Path, pieces: Iterator[bytes]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    executable = stat.S_IXUSR if entry.mode == "100755" else 0
    with os.fdopen(os.open(path, flags, 0o600 | executable), "wb") as file:
        for piece in pieces:
            file.write(piece)


def _link(commit: str, entry: TreeEntry, path: Path, target: bytes, folder: Path) -> None:
    text = os.fsdecode(target)
    inside = PurePosixPath(os.path.normpath(path.relative_to(folder).parent / text))
    if not text or "\0" in text or text.startswith("/") or inside.parts[:1] == ("..",):
        raise _leads_out(commit, entry)
    if os.path.realpath(path.parent) != str(path.parent):
        raise _refused(commit, _shown(entry), "is below a link; expected a folder above it")
    path.symlink_to(text)


def _require_inside(commit: str, entry: TreeEntry, folder: Path) -> None:
    """Refuse a link that leads out by way of others.

    Raises:
        DeployError: L016, it does.
    """
    if entry.mode == trees.LINK:
        real = Path(os.path.realpath(folder / os.fsdecode(entry.path)))
        if not real.is_relative_to(folder):
            raise _leads_out(commit, entry)


def _leads_out(commit: str, entry: TreeEntry) -> DeployError:
    message = "is a link that leads out of the project; expected a file, or a link to one in it"
    return _refused(commit, _shown(entry), message)


def _shown(entry: TreeEntry) -> str:
    return clean(os.fsdecode(entry.path), 200)


def _refused(commit: str, what: str, why: str) -> DeployError:
    return DeployError(
        f"commit {commit[:12]}: {what}: {why}; a release is made of a commit's own files alone",
        code="L016",
    )
