"""A folder of this machine as a place, over plain os calls.

What is written is as private as the folder that it is written to: below a folder that only its
owner may enter, such as a state folder, files are 0600 and folders 0700; elsewhere the umask rules.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from atlas import files
from atlas.errors import StoreError
from atlas.store.keys import checked_key
from atlas.store.location import TEMPORARY, StoredFile, explain, explained, hints
from atlas.uris import uri_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_counter = count()
_LITTLE = 1 << 16
"""Bytes; a disk with less is full."""
_FILE, _FOLDER, _OTHERS = 0o666, 0o777, 0o077
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_CLOEXEC", 0)
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | _NO_LINK | getattr(os, "O_CLOEXEC", 0)


class FolderLocation:
    """Files in a folder of this machine, over plain os calls.

    The folder itself may be a link; links inside of it aren't followed, for what is below a store's
    folder is the store's: whoever may write one of its files must not choose what others read.
    """

    def __init__(self, root: Path, *, links: bool = False) -> None:
        """Use a folder, which is made when something is first written.

        Args:
            root: the folder.
            links: whether links in it are followed: where it is the user's own data.
        """
        self._links = links
        self._read = _READ if links else _READ | _NO_LINK
        self.root = os.fspath(root.absolute())
        self._private: bool | None = None
        self.url = uri_of(root)

    def read(self, key: str) -> bytes:
        """Return a file's content."""
        path = self._path(key)
        with explained("read", path):
            descriptor = os.open(path, self._read)
            try:
                content = os.read(descriptor, 1 << 16)
                if len(content) < 1 << 16:
                    return content
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise StoreError(f"{path}: found something else than a file")
                with os.fdopen(os.dup(descriptor), "rb") as file:
                    return content + file.read()
            finally:
                os.close(descriptor)

    def write(self, key: str, content: bytes) -> None:
        """Write a file, in place of one that may be there."""
        path = self._path(key)
        with explained("write", path):
            temporary = self._temporary(path, content)
            os.replace(temporary, path)

    def create(self, key: str, content: bytes) -> bool:
        """Write a file unless there is one; tell whether it was written. One of many wins."""
        path = self._path(key)
        with explained("write", path):
            temporary = self._temporary(path, content)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            finally:
                os.unlink(temporary)
        return True

    def size(self, key: str) -> int:
        """Return a file's size in bytes."""
        return (os.stat if self._links else os.lstat)(self._path(key)).st_size

    def exists(self, key: str) -> bool:
        """Tell whether there is a file or a folder."""
        return os.path.lexists(self._path(key))

    def names(self, key: str) -> list[str]:
        """Return the names of what is directly in a folder, sorted; of a missing one, none."""
        try:
            names = os.listdir(self._whole(key))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(name for name in names if not name.startswith(TEMPORARY))

    def folders(self, key: str) -> dict[str, int]:
        """Return the folders directly in a folder → when a file in each was last written (ns)."""
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self._whole(key)) as scan:
            folders = [entry for entry in scan if entry.is_dir(follow_symlinks=False)]
            return {entry.name: entry.stat().st_mtime_ns for entry in folders}
        return {}

    def entries(self, key: str) -> Iterator[StoredFile]:
        """Return every file below a folder."""
        start = len(self.root) + 1
        for top, _, names in os.walk(self._whole(key)):
            for name in names:
                path = os.path.join(top, name)
                try:
                    status = os.lstat(path)
                except FileNotFoundError:
                    continue
                yield StoredFile(path[start:], status.st_size, status.st_mtime)

    def remove(self, key: str) -> None:
        """Remove a file or a folder with all that is in it; a missing one is fine."""
        path = self._path(key)
        with explained("remove", path):
            try:
                os.unlink(path)
            except FileNotFoundError:
                return
            except (IsADirectoryError, PermissionError):
                if not os.path.isdir(path):
                    raise
                shutil.rmtree(path)

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Give a local path to write a file or folder to; then it is moved to its key."""
        path = self._path(key)
        temporary = Path(_free_name(path))
        with explained("write", path):
            self._make_folder(os.fspath(temporary.parent))
            try:
                yield temporary
                if self.is_private:
                    files.close(temporary)
                self._take_place(temporary, path)
            except OSError as error:
                full = error.errno is None and _is_full(temporary.parent)
                _discard(temporary)
                if full:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
                raise
            except BaseException:
                _discard(temporary)
                raise

    def local(self, key: str) -> Path:
        """Return the file or folder itself."""
        return Path(self._whole(key))

    def _take_place(self, temporary: Path, path: str) -> None:
        """Rename; a folder that is already there was written by someone else, and stays."""
        try:
            os.replace(temporary, path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            _discard(temporary)

    @property
    def is_private(self) -> bool:
        """Whether only its owner may enter the folder, or the one that it would be made in."""
        if self._private is None:
            self._private = not os.stat(_nearest(self.root)).st_mode & _OTHERS
        return self._private

    def appending(self, key: str, *, truncate: bool = False) -> BinaryIO:
        """Open a file to append to; it is made when missing, with its folder, or emptied."""
        path = self._path(key)
        with explained("write", path):
            self._make_folder(os.path.dirname(path))
            flags = _APPEND | (os.O_TRUNC if truncate else 0)
            descriptor = os.open(path, flags, self._mode(_FILE))
            return os.fdopen(descriptor, "ab")

    def _mode(self, mode: int) -> int:
        return mode & ~_OTHERS if self.is_private else mode

    def _make_folder(self, folder: str) -> None:
        """Make a folder; a FileNotFoundError would say that a file to be read is missing."""
        try:
            _make(folder, self._mode(_FOLDER))
        except FileNotFoundError as error:
            text = explain("make this folder", folder, error)
            raise StoreError(f"{text} (ATLAS_STORE chooses another)") from error

    def _path(self, key: str) -> str:
        """Return a key's path, whose folders aren't links; the last part may be one."""
        if not key:
            return self.root
        if not self._links:
            self._refuse_links(checked_key(key).split("/")[:-1])
        return f"{self.root}/{key}"

    def _whole(self, key: str) -> str:
        """Return a key's path, of which no part is a link."""
        if key and not self._links:
            self._refuse_links(checked_key(key).split("/"))
        return f"{self.root}/{key}" if key else self.root

    def _refuse_links(self, parts: list[str]) -> None:
        path = self.root
        for part in parts:
            path = f"{path}/{part}"
            try:
                mode = os.lstat(path).st_mode
            except (FileNotFoundError, NotADirectoryError):
                return
            except OSError as error:
                raise StoreError(explain("look at it", path, error)) from error
            if stat.S_ISLNK(mode):
                raise StoreError(f"{path}: {hints()[errno.ELOOP]}")

    def _temporary(self, path: str, content: bytes) -> str:
        """Write the content to a new name beside the path, making its folder when missing."""
        temporary = _temporary_name(path)
        try:
            descriptor = os.open(temporary, _WRITE, self._mode(_FILE))
        except FileNotFoundError:
            self._make_folder(os.path.dirname(path))
            descriptor = os.open(temporary, _WRITE, self._mode(_FILE))
        except FileExistsError:
            return self._temporary(path, content)  # Left by a killed process of the same number.
        try:
            _write_all(descriptor, content)
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(descriptor)
        return temporary


def _is_full(folder: Path) -> bool:
    """Tell whether a disk is full: native code (numpy's) says only that less was written."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize < _LITTLE


def _nearest(folder: str) -> str:
    """Return the folder, or the nearest one above it that is there."""
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def _make(folder: str, mode: int) -> None:
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        _make(parent, mode)
    with suppress(FileExistsError):
        os.mkdir(folder, mode)


def _temporary_name(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/{TEMPORARY}{os.getpid()}-{next(_counter)}-{name[-80:]}"


def _free_name(path: str) -> str:
    """Return a temporary name that nothing has: a killed process may have left one."""
    name = _temporary_name(path)
    while os.path.lexists(name):
        name = _temporary_name(path)
    return name


def _write_all(descriptor: int, content: bytes) -> None:
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, memoryview(content)[written:])


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
