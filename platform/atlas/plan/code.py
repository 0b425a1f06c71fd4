"""The digest of a pipeline's code: of the files that a run needs."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from typing import TYPE_CHECKING

from atlas.validate.code import code_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def code_digest(folder: Path, files: Iterable[Path] | None = None) -> str:
    """Return the sha256 over the names and contents of `code_files`, as 64 hexadecimal digits.

    Args:
        folder: the pipeline's.
        files: its `code_files`, where they are known already.
    """
    whole = hashlib.sha256()
    start = len(str(folder / "_")) - 1
    for file in code_files(folder) if files is None else files:
        status = file.stat()
        content = _file_digest(file, status.st_mtime_ns, status.st_size)
        # A name's bytes are the same in every locale.
        name = os.fsencode(str(file)[start:])
        whole.update(b"%b\0%b\n" % (name, content.encode()))
    return whole.hexdigest()


@lru_cache(maxsize=10_000)
def _file_digest(file: Path, _modified: int, _size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


__all__ = ["code_digest", "code_files"]
