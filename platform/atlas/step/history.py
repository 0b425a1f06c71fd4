"""Earlier runs of a pipeline that a step reads: which ones, and what each has made.

Which they are is decided once, when the run that reads them is bound, and recorded in its
``run.json``. A run belongs to the time at which its interval ends; without an interval, to that at
which it was bound. Of several runs of one interval the last one counts whose step is done: a
back-fill takes the place of what it does again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.store.run import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atlas.plan import InputSource
    from atlas.store import Run, Store

MOST_RUNS = 10_000
"""The most earlier runs that a step may read."""
_READERS = 16
NOT_COUNTED = ("shadow", SANDBOX)
"""Triggers whose runs aren't part of a pipeline's history."""


def ended(run: Run) -> datetime:
    """Return the time that a run belongs to: its interval's end, or when it was bound."""
    return datetime.fromisoformat(run.interval_end or run.created)


def history_prefix(source: InputSource) -> str:
    """Return what the keys of a source's runs begin with, among a run's ``upstream``."""
    return f"history:{source.name}/{source.step}/"


def history_runs(
    store: Store, pipeline: str, source: InputSource, reader: Run
) -> Iterator[tuple[str, str]]:
    """Give the earlier runs that a new run reads: the key, and ``pipeline/run``.

    Args:
        store: the artifact store.
        pipeline: the name of the pipeline whose history it is, with the Environment's prefix.
        source: the input.
        reader: the run that reads it, which isn't bound yet.

    Raises:
        StoreError: a run's record can't be read, or there are too many of them.
    """
    runs = [run for run in _runs(store, pipeline, source.flow) if _is_read(run, source, reader)]
    chosen = [run for same in _by_interval(runs) for run in _last_done(store, same, source.step)]
    if len(chosen) > MOST_RUNS:
        found = f"{len(chosen):,} runs of {pipeline} in the window"
        raise StoreError(f"{found}; expected at most {MOST_RUNS:,}; make the step's window shorter")
    for run in sorted(chosen, key=lambda run: (ended(run), run.id)):
        yield f"{history_prefix(source)}{run.id}", f"{run.pipeline}/{run.id}"


def in_window(run: Run, source: InputSource, reader: Run) -> bool:
    """Tell whether a run belongs to a time that an input's window covers."""
    until = ended(reader)
    return until - timedelta(seconds=source.window or 0) < ended(run) <= until


def _is_read(run: Run, source: InputSource, reader: Run) -> bool:
    if run.trigger in NOT_COUNTED or not in_window(run, source, reader):
        return False
    # A run doesn't read what it does again itself: the repeat takes the earlier one's place.
    same = (run.interval_start, run.interval_end) == (reader.interval_start, reader.interval_end)
    is_repeated = run.id == reader.id or (bool(run.interval_end) and same)
    is_own = (run.pipeline, run.flow) == (reader.pipeline, reader.flow)
    return not (is_own and is_repeated)


def _runs(store: Store, pipeline: str, flow: str) -> list[Run]:
    """Return the runs of a pipeline, of one flow where it is given."""
    start = f"{flow}-" if flow else ""
    names = [name for name in store.location.names(pipeline) if name.startswith(start)]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_READERS) as pool:
        runs = pool.map(lambda name: _run(store, pipeline, name), names)
        return [run for run in runs if run is not None]


def _run(store: Store, pipeline: str, name: str) -> Run | None:
    return store.run(pipeline, name) if store.has_run(pipeline, name) else None


def _by_interval(runs: Iterable[Run]) -> list[list[Run]]:
    """Return the runs of each interval, the last one first; one without an interval is alone."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.created, reverse=True):
        key = (run.interval_start, run.interval_end) if run.interval_end else (run.id, "")
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def _last_done(store: Store, runs: list[Run], step: str) -> list[Run]:
    """Return the first of some runs in which a step is done, if there is one."""
    return next(([run] for run in runs if _is_done(store, run, step)), [])


def _is_done(store: Store, run: Run, step: str) -> bool:
    outcome = store.outcome(run.pipeline, run.id, step)
    if outcome is not None:
        return outcome.get("status") == "done" and outcome.get("plan") == run.plan
    whole = store.run_outcome(run.pipeline, run.id) or {}
    return whole.get("status") == "done" and bool(store.indexes(run, step))


@dataclass(frozen=True, slots=True)
class EarlierOutput:
    """What one earlier run has made: the run, and the artifacts that an input reads of it."""

    run: Run
    content: Any

    def facts(self) -> list[str]:
        """Return what of the run a step may depend on, besides the artifacts."""
        run = self.run
        model = [run.model.name, run.model.version] if run.model else []
        return [run.pipeline, run.id, run.interval_start, run.interval_end, *model]

    def batch(self, value: Any) -> Any:
        """Return it as the step gets it.

        Args:
            value: what was read.
        """
        from atlas.template import Batch

        model = self.run.model
        return Batch(
            value,
            run=self.run.id,
            pipeline=self.run.pipeline,
            interval_start=self.run.interval_start,
            interval_end=self.run.interval_end,
            created=self.run.created,
            model=model.name if model else "",
            version=model.version if model else "",
        )
