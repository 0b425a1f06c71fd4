"""What the code of a pipeline is: the files that a run needs, and their digest."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

_LEFT_OUT = {"__pycache__", "tests", "configs", "node_modules"}


def code_files(folder: Path) -> list[Path]:
    """Return the files of a pipeline's folder that are its code, sorted by their relative path.

    Left out are hidden files, ``tests/``, ``configs/``, notebooks, bytecode, and at the top JSON,
    the documents, whose content is in the Plan, and ``*.lock``, which images are made from. Data
    that a step reads from its own package goes into a subfolder.
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


def code_digest(folder: Path) -> str:
    """Return the sha256 over the names and contents of `code_files`, as 64 hexadecimal digits."""
    whole = hashlib.sha256()
    for file in code_files(folder):
        status = file.stat()
        content = _file_digest(file, status.st_mtime_ns, status.st_size)
        whole.update(f"{file.relative_to(folder).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()


@lru_cache(maxsize=10_000)
def _file_digest(file: Path, _modified: int, _size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
