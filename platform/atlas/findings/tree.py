"""What a project's folder holds, as one digest: everything that validation may read is in it."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from atlas.errors import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PASSED_OVER = ("__pycache__", "node_modules")
_READ = (".json", ".py", ".toml")
"""Endings of the files whose content counts; of all others it counts that they are there."""
_LARGEST = 8 * 2**20
"""Bytes; a larger file is neither a document nor a source, and counts by its size and time."""
_MOST = 200_000
"""Entries; of a larger folder there is no digest."""


def content_digest(root: str) -> str:
    """Return the sha256 over a folder's names, kinds, rights, and documents' and sources' content.

    Hidden entries are passed over; links to folders aren't followed.

    Raises:
        TooLargeError: the folder has too many entries.
        OSError: something in it can't be read.
    """
    return _digest(root, _content)


def state_digest(root: str) -> str:
    """Return the sha256 over a folder's names, kinds, sizes and times: no file is opened.

    While it stays the same, nothing in the folder was written.

    Raises:
        TooLargeError: the folder has too many entries.
        OSError: something in it can't be looked at.
    """
    return _digest(root, _state)


def _digest(root: str, describe: Callable[[os.DirEntry[str], os.stat_result], str]) -> str:
    whole = hashlib.sha256()
    for count, entry in enumerate(_entries(root)):
        if count > _MOST:
            raise TooLargeError
        status = _status(entry)
        link = os.readlink(entry.path) if entry.is_symlink() else ""
        line = (entry.path, link, f"{status.st_mode:o}", describe(entry, status))
        whole.update(os.fsencode("\0".join(line) + "\n"))
    return whole.hexdigest()


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    """Return the status of what an entry leads to; of the link itself, where that is nothing."""
    try:
        return entry.stat()
    except OSError:
        return entry.stat(follow_symlinks=False)


def _entries(root: str) -> Iterator[os.DirEntry[str]]:
    """Yield everything in a folder, in the order of the names."""
    with os.scandir(root) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name[0] == "." or entry.name in _PASSED_OVER:
            continue
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)


def _content(entry: os.DirEntry[str], status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode) or not entry.name.endswith(_READ):
        return ""
    if status.st_size > _LARGEST:
        return _state(entry, status)
    with open(entry.path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _state(_entry: os.DirEntry[str], status: os.stat_result) -> str:
    is_folder = stat.S_ISDIR(status.st_mode)
    return "" if is_folder else f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
