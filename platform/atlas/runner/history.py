"""What has run: read from the store and the outbox."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.step.binding import target_of
from atlas.tracking.outbox import state_outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from atlas.store import Run, Store

RUNNING, KILLED = "running", "killed"
"""Status of a run that isn't over: its process is there, or is gone."""


@dataclass(frozen=True, slots=True)
class Past:
    """One run.

    Attributes:
        status: ``done``, ``failed``, ``partial``, ``running`` or ``killed``; ``on airflow`` and
            the like for a run that a target has, and of which no end is recorded.
        started: ISO 8601 in UTC.
        seconds: how long it took, as far as is known.
        model: the model version that it used, or empty.
        waits: whether it is still in the outbox.
    """

    run: str
    pipeline: str
    flow: str
    plan: str
    status: str
    started: str
    seconds: float
    trigger: str
    model: str = ""
    waits: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the run as plain data."""
        return asdict(self)


def history(store: Store, pipelines: Collection[str] | None, limit: int) -> list[Past]:
    """Return the latest runs, the newest first.

    Args:
        store: the artifact store.
        pipelines: names of those to look at; None for all.
        limit: how many.
    """
    names = [
        pipeline for pipeline in store.pipelines() if pipelines is None or pipeline in pipelines
    ]
    found = sorted(
        (run for name in names for run in _runs(store, name)),
        key=lambda run: run.created,
        reverse=True,
    )
    outbox = state_outbox()
    waiting = {(one.pipeline, one.run): one for one in outbox.pending()} if outbox else {}
    running = {key for key, one in waiting.items() if one.is_running}
    return [_past(store, run, set(waiting), running) for run in found[:limit]]


def _runs(store: Store, pipeline: str) -> Iterator[Run]:
    for name in store.runs(pipeline):
        try:
            yield store.run(pipeline, name)
        except StoreError:
            continue


def _past(
    store: Store, run: Run, waiting: set[tuple[str, str]], running: set[tuple[str, str]]
) -> Past:
    key = (run.pipeline, run.id)
    ended = store.run_outcome(run.pipeline, run.id) or {}
    status = RUNNING if key in running else ended.get("status") or _without_end(store, run)
    model = f"{run.model.name}/{run.model.version}" if run.model else ""
    return Past(
        run.id,
        run.pipeline,
        run.flow,
        run.plan,
        status,
        run.created,
        _seconds(run.created, ended.get("ended", "")),
        run.trigger,
        model,
        key in waiting,
    )


def _without_end(store: Store, run: Run) -> str:
    """Return the status of a run of which no end is recorded, and which nothing here runs."""
    target = target_of(store, run)
    return f"on {target}" if target else KILLED


def _seconds(start: str, end: str) -> float:
    if not end:
        return 0.0
    took = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(0.0, took.total_seconds())
