"""What the code of a pipeline is: the files that a run needs, and whether all can go along."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import Problem
from atlas.load import clean, leads_out, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT_OUT = {"__pycache__", "tests", "configs", "node_modules"}


def code_files(folder: Path) -> list[Path]:
    """Return the files of a pipeline's folder that are its code, sorted by their relative path.

    Left out are hidden files, ``tests/``, ``configs/``, notebooks, bytecode, and at the top JSON,
    the documents, whose content is in the Plan, and ``*.lock``, which images are made from. Data
    that a step reads from its own package goes into a subfolder. Links to folders aren't followed.
    """
    found: list[Path] = []
    for top, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one[0] != "." and one not in _LEFT_OUT]
        place = Path(top)
        at_top = place == folder
        found += [place / name for name in names if _is_code(name, at_top=at_top)]
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())


def _is_code(name: str, *, at_top: bool) -> bool:
    left_out = name[0] == "." or name.endswith((".pyc", ".ipynb"))
    return not (left_out or (at_top and name.endswith((".json", ".lock"))))


def code_problems(folder: Path, root: Path) -> Iterator[Problem]:
    """Return which files of a pipeline's code can't be taken along to where it runs.

    Args:
        folder: the pipeline's.
        root: the project's, which no link may lead out of.
    """
    for file in code_files(folder):
        astray = leads_out(file, root) if file.is_symlink() else None
        if astray:
            yield astray
        elif reason := _reason(file, folder):
            message = f"can't be taken along as code: {reason}"
            hint = "mend or remove it, or move it out of the pipeline's folder"
            yield Problem(code="R043", message=message, file=clean(shown(file)), hint=hint)


def _reason(file: Path, folder: Path) -> str:
    """Return why a file can't be read as code; nothing when it can."""
    try:
        os.fsencode(file.relative_to(folder)).decode()
        if not stat.S_ISREG(file.stat().st_mode):
            return "it is no file"
        return "" if os.access(file, os.R_OK) else "permission denied"
    except UnicodeDecodeError:
        return "its name is no UTF-8"
    except OSError as error:
        broken = file.is_symlink()
        return "it is a link to nothing" if broken else (error.strerror or "").lower()
