"""Databases of ephemeral platforms: each is a copy of one that was made once on this machine.

To make an empty database takes MLflow and Airflow five to ten seconds each, and gives the same
tables every time. The copies are in the user's cache, by the command that makes them and by its
environment, which has the service's version. Platforms that stay make their databases themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from atlas import files
from atlas_provider.ephemeral import EphemeralFolder

if TYPE_CHECKING:
    from atlas_provider.program import PlatformProgram

_KEPT = 8
"""How many templates stay; the oldest goes first."""


def take(desired: PlatformProgram, draft: Path) -> bool:
    """Make the draft of a new database from its template; tell whether there was one."""
    template = _template(desired)
    if template is None or not _is_whole(template):
        return False
    files.write(draft, template.read_bytes(), sync=False)
    return True


def keep(desired: PlatformProgram, draft: Path) -> None:
    """Keep a new database as its template, where the platform is an ephemeral one."""
    template = _template(desired)
    if template is None or _is_whole(template):
        return
    with suppress(OSError):
        files.write(template, draft.read_bytes(), sync=False)
        _prune(template.parent)


def _template(desired: PlatformProgram) -> Path | None:
    """Return where a database's template is; None where the platform stays."""
    if EphemeralFolder.of(desired.folder) is None:
        return None
    made_by = [list(desired.command), dict(desired.environment), sys.version]
    key = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:32]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "atlas" / "databases" / f"{key}.db"


def _is_whole(template: Path) -> bool:
    """Tell whether a template is there and SQLite finds nothing wrong with it."""
    try:
        if template.stat().st_uid != os.geteuid():
            return False
        with closing(sqlite3.connect(f"{template.as_uri()}?mode=ro", uri=True)) as database:
            return bool(database.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except (OSError, sqlite3.Error):
        return False


def _prune(folder: Path) -> None:
    """Remove the oldest templates."""
    there = sorted(folder.glob("*.db"), key=lambda path: path.stat().st_mtime)
    for path in there[:-_KEPT]:
        files.remove(path)
