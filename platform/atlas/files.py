"""Files and folders of the state folder: only their owner may read them, and they are whole.

Every folder that Atlas makes for itself is made by `make_folder` (0700), every file of its own is
written by `write`, `write_new` or `append` (0600). Whoever writes to the state folder asks `own`
for it, which makes it, or closes one that is open to others. Where it is may come from a project's
file or link, so a folder that isn't Atlas's, such as a home or ``/etc``, is refused and stays as it
is.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from atlas import processes
from atlas.errors import AtlasError, clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER, FILE = 0o700, 0o600
"""Modes of what is private."""
_OTHERS = 0o077
_CREATE = os.O_CREAT | os.O_CLOEXEC
KNOWN = frozenset(
    (
        *(".gitignore", "builds", "catalog", "containers", "deploying"),
        *("durations.json", "findings", "kfp.local"),
        *("mlflow-artifacts", "outbox", "passphrase", "platform", "pulumi", "schemas", "secrets"),
        *("mlflow.db", "spool", "store"),
    )
)
"""What Atlas itself keeps in a state folder, in this version and in earlier ones."""


def own(state: Path) -> Path:
    """Make a state folder, or close it to others where it was made by somebody else.

    What is in it is closed too, once. A link is not followed. Where the file system is read-only
    nothing is changed.

    Returns:
        The folder.

    Raises:
        AtlasError: it belongs to another user, who could exchange what is in it; or it is open to
            others and has files that aren't Atlas's. Nothing has been changed.
    """
    with suppress(FileExistsError):
        os.makedirs(state.parent, exist_ok=True)
        state.mkdir(mode=FOLDER)
    with suppress(OSError):
        descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _close_state(descriptor, state)
        finally:
            os.close(descriptor)
    return state


def _close_state(descriptor: int, state: Path) -> None:
    """Close a state folder, as it was opened, and what is in it."""
    status = os.fstat(descriptor)
    if not may_use(status, state.parent):
        raise AtlasError(
            f"{state}: can't be the state folder: it belongs to user {status.st_uid}, expected "
            f"{os.geteuid()}; remove it, or set ATLAS_STATE to a folder of your own"
        )
    if not _is_open(status):
        return
    if others := sorted({*os.listdir(descriptor)} - KNOWN):
        raise AtlasError(
            f"{state}: can't be the state folder: others may read it, and it has files that "
            f"aren't Atlas's ({', '.join(map(clean, others[:3]))}); if it is yours to use, run "
            "`chmod 700` on it, else set ATLAS_STATE to another folder"
        )
    os.fchmod(descriptor, FOLDER)
    _close_below(descriptor)


def may_use(status: os.stat_result, parent: Path) -> bool:
    """Tell whether a folder is this user's; root may use one of whoever the folder above is.

    Args:
        status: the folder's.
        parent: the folder that it is in.
    """
    return status.st_uid == os.geteuid() or (
        os.geteuid() == 0 and status.st_uid == parent.stat().st_uid
    )


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, with those above it; one that is there stays."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=FOLDER, exist_ok=True)


def close(path: Path) -> None:
    """Take a file, or a folder with all that is in it, away from others; links stay as they are."""
    status = os.lstat(path)
    if stat.S_ISDIR(status.st_mode):
        for top, folders, names in os.walk(path):
            for name in (*folders, *names):
                _close_one(os.path.join(top, name))
    _close_one(os.fspath(path))


def write(path: Path, content: str | bytes, *, sync: bool = True) -> None:
    """Write a private file: a reader sees the old content or the new, never a part.

    Args:
        path: where.
        content: text, which is written as UTF-8, or bytes.
        sync: whether it has to survive a loss of power.
    """
    draft = _draft(path, content, sync)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink()
        raise


def write_new(path: Path, content: str | bytes) -> bool:
    """Write a private file unless it is there; tell whether this call wrote it."""
    draft = _draft(path, content, sync=True)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def append(path: Path) -> IO[bytes]:
    """Open a private file to append to, such as a log or a lock; it is made when missing."""
    make_folder(path.parent)
    flags = os.O_RDWR | os.O_APPEND | _CREATE | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, FILE), "ab")


def write_shared(path: Path, content: bytes) -> None:
    """Write a file of the project, as readable as the umask says; a reader never sees a part of it.

    Raises:
        OSError: it can't be written; what was there stays.
    """
    draft = path.with_name(f".{path.name}.{processes.own()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def lock(file: int | IO[bytes], *, wait: bool = False) -> bool:
    """Lock an open file until it is closed; tell whether it is locked.

    Args:
        file: a descriptor or a file; two that were opened separately lock each other out, also in
            one process.
        wait: whether to wait while another one has it locked; else False is returned then.
    """
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    path.unlink(missing_ok=True)


def remove_empty(folder: Path) -> None:
    """Remove a folder, if it is there and empty."""
    with suppress(OSError):
        folder.rmdir()


def _draft(path: Path, content: str | bytes, sync: bool) -> Path:
    """Write a private file beside a path, under a name of its own, through to the disk."""
    make_folder(path.parent)
    _sweep(path)
    draft = path.with_name(f".{path.name}.{processes.own()}-{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_EXCL | _CREATE, FILE)
    with open(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        if sync:
            file.flush()
            os.fsync(descriptor)
    return draft


def _sweep(path: Path) -> None:
    """Remove the drafts of a path that killed processes left behind."""
    start = f".{path.name}."
    for draft in path.parent.glob(f"{start}*-*"):
        writer = processes.ProcessIdentity.parse(draft.name[len(start) :].rpartition("-")[0])
        if writer is not None and not writer.is_alive:
            remove(draft)


def _is_open(status: os.stat_result) -> bool:
    """Tell whether something is ours, and open to others."""
    return status.st_uid == os.geteuid() and bool(status.st_mode & _OTHERS)


def _close_below(descriptor: int) -> None:
    """Take away from others what is in a folder, as it was opened."""
    for top, folder in _entries(descriptor):
        with suppress(OSError):
            status = os.lstat(top, dir_fd=folder)
            if _is_open(status) and not stat.S_ISLNK(status.st_mode):
                os.chmod(top, stat.S_IMODE(status.st_mode) & ~_OTHERS, dir_fd=folder)


def _entries(descriptor: int) -> Iterator[tuple[str, int]]:
    for _, folders, names, folder in os.fwalk(".", dir_fd=descriptor):
        yield from ((name, folder) for name in (*folders, *names))


def _close_one(path: str) -> None:
    status = os.lstat(path)
    if _is_open(status) and not stat.S_ISLNK(status.st_mode):
        os.chmod(path, stat.S_IMODE(status.st_mode) & ~_OTHERS)
