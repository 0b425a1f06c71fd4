"""The index of a pipeline's runs: summaries of those that are over, to be read at once.

It is only a copy, and safe to lose: a run whose folder has changed since is read again, and an
index that isn't whole is made again. A store that isn't a folder has none: its
runs are read one by one.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.runs.reading import read_summary
from atlas.runs.summary import FIELDS, RunSummary
from atlas.step.outcome import DONE, FAILED, PARTIAL
from atlas.store.folder import FolderLocation
from atlas.store.location import TEMPORARY

if TYPE_CHECKING:
    from atlas.runs.reading import Plans
    from atlas.store import Store

_FOLDER = f"{TEMPORARY}index"
_FRESH_NS = 2_000_000_000
"""Nanoseconds in which a folder's time may be that of two writes."""
_Rows = dict[str, Any]
"""Run's id → when its folder had changed, and its summary as `RunSummary.to_row` gives it."""


class RunIndex:
    """The summaries of one pipeline's runs."""

    def __init__(self, store: Store, pipeline: str) -> None:
        """Take a pipeline; nothing is read yet."""
        self.store, self.pipeline = store, pipeline
        self.damaged: list[str] = []
        self._plans: Plans = cache(store.plan)

    def summaries(self) -> list[RunSummary]:
        """Return the summaries of all runs; `damaged` then says which couldn't be read."""
        location = self.store.location
        if not isinstance(location, FolderLocation):
            readings = map(self._read, self.store.runs(self.pipeline))
            return [summary for summary in readings if summary]
        now = time.time_ns()
        known, rows = self._load(), {}
        summaries = []
        for name, changed in location.folders(self.pipeline).items():
            row = known.get(name)
            if row is None or row[0] != self._stamp(location, name, changed, row[1]):
                summary = self._read(name) if self.store.has_run(self.pipeline, name) else None
                if summary is None:
                    continue
                row = [self._stamp(location, name, changed, summary.to_row()), summary.to_row()]
            summaries.append(RunSummary.from_row(row[1]))
            if _is_settled(row, now):
                rows[name] = row
        if rows != known:
            self._save(rows)
        return summaries

    def _read(self, name: str) -> RunSummary | None:
        try:
            return read_summary(self.store, self._plans, self.pipeline, name)
        except StoreError as error:
            self.damaged.append(str(error))
            return None

    def _stamp(
        self, location: FolderLocation, name: str, changed: int, row: list[Any]
    ) -> list[int]:
        """Return when what a summary was read from has changed.

        The folders of a run's steps count while it isn't done: it may be resumed.
        """
        if row[_STATUS] == DONE:
            return [changed]
        return [changed, *sorted(location.folders(f"{self.pipeline}/{name}").values())]

    # The file ---------------------------------------------------------------------------------

    @property
    def _key(self) -> str:
        return f"{_FOLDER}/{self.pipeline}.json"

    def _load(self) -> _Rows:
        """Return the rows of the file; none of one that isn't there, isn't whole, or is older."""
        try:
            digest, _, text = self.store.location.read(self._key).partition(b"\n")
        except (FileNotFoundError, StoreError):
            return {}
        if hashlib.sha256(text).hexdigest().encode() != digest:
            return {}
        raw = json.loads(text)
        rows: _Rows = raw["runs"] if raw["fields"] == list(FIELDS) else {}
        return rows

    def _save(self, rows: _Rows) -> None:
        """Write the file; a store that may only be read does without."""
        text = json.dumps({"fields": FIELDS, "runs": rows}, separators=(",", ":")).encode()
        with suppress(StoreError):
            digest = hashlib.sha256(text).hexdigest().encode()
            self.store.location.write(self._key, digest + b"\n" + text)


_STATUS = FIELDS.index("status")


def _is_settled(row: list[Any], now: int) -> bool:
    """Tell whether a run is over, and any later change of its folder is seen by its time."""
    return row[1][_STATUS] in (DONE, FAILED, PARTIAL) and max(row[0]) < now - _FRESH_NS
