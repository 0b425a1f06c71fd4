"""What a run needs before its first step: its lock."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from atlas import files
from atlas.errors import StoreError
from atlas.runner.opening import OpenedRun, _lock
from atlas.store import Run, open_store

RUN = Run("r", "p", "training", "0" * 64)


def test_a_file_system_without_locks_is_an_error_with_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(files, "lock", refuse)
    opened = OpenedRun(RUN)
    with pytest.raises(StoreError, match=r"/p/r/\..*lock: can't lock: no locks available"):
        _lock(open_store(tmp_path.as_uri()), opened)
    opened.held.close()
