"""Files that are to be written: what stands in the way, and writing each whole or not at all."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.load import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class File:
    """A file that is to be written.

    Attributes:
        path: where.
        text: its whole content.
        replaces: whether it may take the place of one that is there, as its newer version.
    """

    path: Path
    text: str
    replaces: bool = False

    def is_there(self) -> bool:
        """Tell whether the file is there, with this content."""
        try:
            return self.path.read_bytes() == self.text.encode()
        except (OSError, ValueError):
            return False

    def obstacle(self) -> Path | None:
        """Return what stands in the way: another file, or a file where a folder is needed."""
        if self.path.exists():
            right = self.path.is_file() and (self.replaces or self.is_there())
            return None if right else self.path
        existing = next(
            parent for parent in self.path.parents if parent.exists() or parent.is_symlink()
        )
        return None if existing.is_dir() else existing


def check(files: Iterable[File]) -> None:
    """Check that nothing stands in the way of any file.

    Raises:
        AtlasError: something does; all of it is named.
    """
    obstacles = dict.fromkeys(shown(obstacle) for file in files if (obstacle := file.obstacle()))
    if obstacles:
        verb, them = ("is", "it") if len(obstacles) == 1 else ("are", "them")
        message = f"{', '.join(obstacles)} {verb} there already, so nothing was written"
        raise AtlasError(f"{message}; choose another folder or --name, or move {them} away")


def write(files: Iterable[File]) -> list[Path]:
    """Write the files that aren't there yet, each at once.

    An interrupted call leaves whole files and perhaps one hidden ``.NAME.new``; the next call
    removes that and goes on.

    Returns:
        The files that were written.

    Raises:
        AtlasError: one can't be written.
    """
    return [file.path for file in files if _write(file)]


def _write(file: File) -> bool:
    path = file.path
    new = path.with_name(f".{path.name}.new")
    if file.is_there():
        new.unlink(missing_ok=True)
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(file.text.encode())
        if file.replaces and path.exists():
            shutil.copymode(path, new)
            os.replace(new, path)
        else:
            _place(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise AtlasError(f"{shown(path)}: can't be written: {reason}") from None
    return True


def _place(new: Path, path: Path) -> None:
    """Give a file its name, unless another file has it by now."""
    try:
        os.link(new, path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no hard links; the check was a moment ago.
        os.replace(new, path)
    else:
        new.unlink()
