"""One row for each of a pipeline's runs, kept in an index so that each is read once.

The index is only a copy, and safe to lose: a run whose folder has changed since is read again, and
an index that isn't whole is made again. In a store that isn't a folder nothing tells cheaply
whether a run has changed. Where whatever changes a row of a run that is done calls
`RunRecords.note_changed`, the run's name is enough there; other rows are always read.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.step.outcome import DONE, FAILED, PARTIAL
from atlas.store.folder import FolderLocation
from atlas.store.keys import changed_key, index_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from atlas.store import Store

_FRESH_NS = 2_000_000_000
"""Nanoseconds in which a folder's time may be that of two writes."""
_Rows = dict[str, Any]
"""Run's id → when its folder had changed, and its row."""


@dataclass(frozen=True)
class RunRows:
    """The rows of one pipeline's runs.

    Attributes:
        store: the artifact store.
        pipeline: the pipeline's name.
        name: of the index: empty for the summaries of runs.
        fields: names of a row's values, ``status`` among them; an index with others is made again.
        read: returns a run's row; None for one that isn't bound, or can't be read.
        by_name: whether whatever changes the row of a run that is done notes that.
    """

    store: Store
    pipeline: str
    name: str
    fields: tuple[str, ...]
    read: Callable[[str], list[Any] | None]
    by_name: bool = False

    def rows(self) -> list[list[Any]]:
        """Return a row for each run."""
        if isinstance(self.store.location, FolderLocation):
            return self._of_folder(self.store.location)
        return self._of_names() if self.by_name else [*self._read_all()]

    def _read_all(self) -> Iterator[list[Any]]:
        rows = map(self.read, self.store.runs(self.pipeline))
        return (row for row in rows if row is not None)

    def _of_folder(self, location: FolderLocation) -> list[list[Any]]:
        now = time.time_ns()
        known, kept, rows = self._load(), {}, []
        for name, changed in location.folders(self.pipeline).items():
            entry = known.get(name)
            if entry is None or entry[0] != self._stamp(location, name, changed, entry[1]):
                row = self.read(name) if self.store.has_run(self.pipeline, name) else None
                if row is None:
                    continue
                entry = [self._stamp(location, name, changed, row), row]
            rows.append(entry[1])
            if self._is_over(entry[1]) and max(entry[0]) < now - _FRESH_NS:
                kept[name] = entry
        if kept != known:
            self._save(kept)
        return rows

    def _stamp(
        self, location: FolderLocation, name: str, changed: int, row: list[Any]
    ) -> list[int]:
        """Return when what a row was read from has changed.

        The folders of a run's steps count while it isn't done: it may be resumed.
        """
        if self._status(row) == DONE:
            return [changed]
        return [changed, *sorted(location.folders(f"{self.pipeline}/{name}").values())]

    def _of_names(self) -> list[list[Any]]:
        """Return the rows of a store that has no times: those of runs that are done are kept."""
        location = self.store.location
        noted = location.names(changed_key(self.pipeline, self.name))
        again = {note.rpartition("@")[0] for note in noted}
        known, kept, rows = self._load(), {}, []
        for name in location.names(self.pipeline):
            entry = known.get(name) if name not in again else None
            row = entry[1] if entry else self._read_bound(name)
            if row is None:
                continue
            rows.append(row)
            if self._status(row) == DONE:
                kept[name] = entry or [[], row]
        if kept != known:
            self._save(kept)
        for note in noted:
            location.remove(f"{changed_key(self.pipeline, self.name)}/{note}")
        return rows

    def _read_bound(self, name: str) -> list[Any] | None:
        return self.read(name) if self.store.has_run(self.pipeline, name) else None

    def _status(self, row: list[Any]) -> str:
        return str(row[self.fields.index("status")])

    def _is_over(self, row: list[Any]) -> bool:
        return self._status(row) in (DONE, FAILED, PARTIAL)

    # The file ---------------------------------------------------------------------------------

    def _load(self) -> _Rows:
        """Return the entries of the file; none where it is missing, isn't whole, or is older."""
        try:
            key = index_key(self.pipeline, self.name)
            digest, _, text = self.store.location.read(key).partition(b"\n")
        except (FileNotFoundError, StoreError):
            return {}
        if hashlib.sha256(text).hexdigest().encode() != digest:
            return {}
        raw = json.loads(text)
        entries: _Rows = raw["runs"] if raw["fields"] == list(self.fields) else {}
        return entries

    def _save(self, entries: _Rows) -> None:
        """Write the file; a store that may only be read does without."""
        text = json.dumps({"fields": self.fields, "runs": entries}, separators=(",", ":")).encode()
        with suppress(StoreError):
            digest = hashlib.sha256(text).hexdigest().encode()
            self.store.location.write(index_key(self.pipeline, self.name), digest + b"\n" + text)
