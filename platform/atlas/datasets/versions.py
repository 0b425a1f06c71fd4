"""The version of a data set by its content: files are hashed once, and then known by their stamp.

A file's stamp is its size, its times of writing and of change, and its inode; in a bucket, its size
and ETag. What was hashed is kept in the store's index, which is safe to lose. A file that was
changed less than two seconds before it was hashed is hashed again: it may have changed within a
clock's tick.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

from atlas.data_formats import is_part
from atlas.datasets.partitions import DANGLING, is_hidden, parts_read
from atlas.errors import StoreError
from atlas.store import FolderLocation
from atlas.store.keys import INDEX
from atlas.store.location import explained
from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from atlas.datasets.fields import RunFacts
    from atlas.store import Location

CONTENT = "content"
"""The ``version`` of a data set whose content is its version."""
_ENTRY = ("stamp", "looked", "sha256")
_TICK_NS = 2 * 10**9


class Stamped(dict[str, str]):
    """Key of each file → its stamp; `newest` is when the last one was written (ns since 1970)."""

    newest: int = 0


def content_version(
    kept: Location,
    place: Location,
    key: str,
    name: str,
    partition: tuple[Sequence[str], str, RunFacts] | None,
) -> str:
    """Return a digest of what a data set holds.

    Args:
        kept: the store's place, whose index knows what was hashed before.
        place: where the data set is.
        key: its file there; of a folder, what is in front of its parts.
        name: what tells the data set from others.
        partition: of a folder, its placeholders, format and the run's facts; None for a file.

    Raises:
        FileNotFoundError: there is nothing.
        StoreError: it can't be read.
    """
    stamped = _stamps(place, key, partition[1] if partition else "")
    if partition is not None:
        placeholders, format, facts = partition
        keys = parts_read(stamped, placeholders, format, facts)
        wanted = Stamped({part: stamped[part] for part in keys})
        wanted.newest = stamped.newest
        stamped = wanted
    if not stamped:
        raise FileNotFoundError(key)
    if not isinstance(place, FolderLocation):
        return digest(dict(stamped))
    return _hashed(kept, place, digest([name, sorted(stamped)]), stamped)


def _stamps(place: Location, key: str, format: str) -> Stamped:
    """Return the stamps of a file, or of the files in a format of a folder."""
    if isinstance(place, FolderLocation):
        root = place.local(key)
        with explained("read", str(root)):
            return _of_folder(root, key, format) if format else _of_file(root, key)
    stamps = place.stamps(key) if format else {key: place.stamp(key)}  # type: ignore[attr-defined]
    return Stamped(stamps)


def _of_file(path: Path, key: str) -> Stamped:
    status = os.stat(path)
    stamped = Stamped({key: _stamp(status)})
    stamped.newest = _newest(status)
    return stamped


def _of_folder(root: Path, key: str, format: str) -> Stamped:
    """Return the stamps of a folder's files in a format; folders that are links aren't entered.

    Raises:
        StoreError: a file of them is a link to nothing.
    """
    stamped = Stamped()
    waiting = [(os.fspath(root), key)]
    while waiting:
        folder, prefix = waiting.pop()
        with os.scandir(folder) as scan:
            for entry in scan:
                name = f"{prefix}/{entry.name}" if prefix else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, name))
                elif is_part(name, format) and not is_hidden(name):
                    status = _followed(entry)
                    stamped[name] = _stamp(status)
                    stamped.newest = max(stamped.newest, _newest(status))
    return stamped


def _stamp(status: os.stat_result) -> str:
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    return f"{status.st_size} {times} {status.st_ino}"


def _newest(status: os.stat_result) -> int:
    return max(status.st_mtime_ns, status.st_ctime_ns)


def _followed(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except FileNotFoundError:
        raise StoreError(f"{entry.path}: {DANGLING}") from None


def _hashed(kept: Location, place: FolderLocation, name: str, stamped: Stamped) -> str:
    """Return the digest of files' contents; only those that have changed are read."""
    whole, each = (f"{INDEX}/content/{name[:32]}{part}.json" for part in ("", "-files"))
    marks = digest(dict(stamped))
    known = _read(kept, whole)
    if known.get("marks") == marks and stamped.newest + _TICK_NS < int(known.get("looked", 0)):
        return str(known["digest"])
    before, looked = _read(kept, each), time.time_ns()
    hashes = {
        key: _known(before.get(key), stamp) or [stamp, looked, _sha256(place.local(key))]
        for key, stamp in stamped.items()
    }
    found = digest({key: entry[2] for key, entry in hashes.items()})
    kept.write(each, canonical(hashes).encode())
    kept.write(whole, canonical({"marks": marks, "looked": looked, "digest": found}).encode())
    return found


def _known(entry: Any, stamp: str) -> list[Any] | None:
    """Return what is known of a file that has had this stamp for longer than a clock's tick."""
    if not isinstance(entry, list) or len(entry) != len(_ENTRY) or entry[0] != stamp:
        return None
    newest = max(map(int, stamp.split()[1:3]))
    return entry if newest + _TICK_NS < int(entry[1]) else None


def _read(kept: Location, key: str) -> dict[str, Any]:
    try:
        raw = json.loads(kept.read(key))
    except (FileNotFoundError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _sha256(path: Path) -> str:
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
