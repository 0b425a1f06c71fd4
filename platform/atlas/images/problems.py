"""Problems of what images are made from, each with a code of `atlas.validate.codes`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from atlas.errors import InvalidError, Problem

if TYPE_CHECKING:
    from pathlib import Path


def invalid(code: str, message: str, *, file: str = "", hint: str = "") -> InvalidError:
    """Return the error of one Problem, to be raised."""
    return InvalidError([Problem(code=code, message=message, file=file, hint=hint)])


def place(file: Path, folder: Path) -> str:
    """Return a file's path as messages show it: from the folder that has the pipeline's."""
    return os.path.normpath(f"{folder.name}/{os.path.relpath(file, folder)}")
