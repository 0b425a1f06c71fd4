"""Files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from atlas_provider.procfs import find

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter; one that is there stays as it is."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)


def write(path: Path, text: str) -> None:
    """Write a private file (0600): a reader sees the old text or the new, never a part."""
    draft = _draft(path, text)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink()
        raise


def write_new(path: Path, text: str) -> bool:
    """Write a private file unless it is there; tell whether this call wrote it."""
    draft = _draft(path, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    path.unlink(missing_ok=True)


def remove_empty(folder: Path) -> None:
    """Remove a folder, if it is there and empty."""
    with suppress(OSError):
        folder.rmdir()


def _draft(path: Path, text: str) -> Path:
    """Write a private file beside a path, under a name of its own, through to the disk."""
    make_folder(path.parent)
    _sweep(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return draft


def _sweep(path: Path) -> None:
    """Remove the drafts of a path that killed processes left behind."""
    for draft in path.parent.glob(f".{path.name}.*-*"):
        writer = draft.name.rpartition(".")[2].partition("-")[0]
        if writer.isdigit() and find(int(writer)) is None:
            remove(draft)
