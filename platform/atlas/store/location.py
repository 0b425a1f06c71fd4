"""Where files live: one small protocol, and messages for an operating system's errors.

A key is a relative path with forward slashes. A write is whole or not there: what a reader finds
under a key was written to its end.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from atlas.advice import command
from atlas.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

TEMPORARY = ".atlas-"
"""Start of the name of a file that is being written; one that is left over is nobody's."""


class StoredFile(NamedTuple):
    """One stored file: its key, size in bytes, and when it was written (seconds since 1970)."""

    key: str
    size: int
    modified: float


class Location(Protocol):
    """Files under one URL. What goes wrong is a `StoreError`; a missing file FileNotFoundError."""

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""

    def read(self, key: str) -> bytes:
        """Return a file's content."""

    def write(self, key: str, content: bytes) -> None:
        """Write a file, in place of one that may be there."""

    def create(self, key: str, content: bytes) -> bool:
        """Write a file unless there is one; tell whether it was written. One of many wins."""

    def size(self, key: str) -> int:
        """Return a file's size in bytes."""

    def exists(self, key: str) -> bool:
        """Tell whether there is a file, or a folder with something in it."""

    def names(self, key: str) -> list[str]:
        """Return the names of what is directly in a folder, sorted; of a missing one, none."""

    def entries(self, key: str) -> Iterator[StoredFile]:
        """Return every file below a folder."""

    def remove(self, key: str) -> None:
        """Remove a file or a folder with all that is in it; a missing one is fine."""

    def writing(self, key: str) -> AbstractContextManager[Path]:
        """Give a local path to write a file or folder to; then it is moved to its key.

        A file takes the place of one that was there; a folder that is there stays.
        """

    def local(self, key: str) -> Path:
        """Return a local path with a file's or folder's content, to read from."""


@contextmanager
def explained(action: str, where: str) -> Iterator[None]:
    """Turn an operating system's error into a `StoreError` that says what to do."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(explain(action, where, error)) from error


def explain(action: str, where: str, error: OSError) -> str:
    """Return what went wrong with a file, in one sentence with the way to mend it."""
    hint = hints().get(error.errno or 0, "")
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    return f"{where}: can't {action}: {reason}{f' ({hint})' if hint else ''}"


def hints() -> dict[int, str]:
    """Return what to do about an error, by its number."""
    gc = command("gc")
    return {
        errno.ENOSPC: f"free some space; {gc} removes old runs, {command('cache', 'prune')} old "
        "results",
        errno.EDQUOT: f"free some of your quota; {gc} removes old runs",
        errno.EROFS: "the store must be writable; ATLAS_STORE chooses another",
        errno.EACCES: "the store must be writable by you; ATLAS_STORE chooses another",
        errno.ELOOP: "it is a link, and links inside a store aren't followed; put the file there",
        errno.ENAMETOOLONG: "give the pipeline, the step or the run a shorter name",
    }
