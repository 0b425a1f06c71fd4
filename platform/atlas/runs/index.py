"""The index of a pipeline's runs: summaries of those that are over, to be read at once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.runs.reading import read_summary
from atlas.runs.rows import RunRows
from atlas.runs.summary import FIELDS, RunSummary

if TYPE_CHECKING:
    from atlas.runs.reading import Plans
    from atlas.store import Store


class RunIndex:
    """The summaries of one pipeline's runs."""

    def __init__(self, store: Store, pipeline: str) -> None:
        """Take a pipeline; nothing is read yet."""
        self.store, self.pipeline = store, pipeline
        self.damaged: list[str] = []
        self._plans: Plans = cache(store.plan)
        self._rows = RunRows(store, pipeline, "", FIELDS, self._read, by_name=True)

    def summaries(self) -> list[RunSummary]:
        """Return the summaries of all runs; `damaged` then says which couldn't be read."""
        return [RunSummary.from_row(row) for row in self._rows.rows()]

    def _read(self, name: str) -> list[Any] | None:
        try:
            return read_summary(self.store, self._plans, self.pipeline, name).to_row()
        except StoreError as error:
            self.damaged.append(str(error))
            return None
