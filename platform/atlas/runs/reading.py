"""Reading the summary of a run from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from atlas.errors import StoreError
from atlas.registered import LOCAL_TARGET
from atlas.runs.annotations import annotations_of, notes_in, tags_in
from atlas.runs.summary import KEPT, KILLED, PROMOTED, WAITS, RunSummary, seconds_between
from atlas.step.binding import page_of, target_of
from atlas.tracking.record import metrics_of, params_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.plan import Plan
    from atlas.store import Run, Store

Plans: TypeAlias = "Callable[[str], Plan]"
"""Returns the Plan of a digest."""


def read_summary(store: Store, plans: Plans, pipeline: str, name: str) -> RunSummary:
    """Read a run's summary.

    Args:
        store: the artifact store.
        plans: returns the Plan of a digest; many runs share one.
        pipeline: the Plan's name.
        name: the run's id.

    Raises:
        StoreError: its record, its Plan or a step's outcome isn't what Atlas writes.
    """
    run = store.run(pipeline, name)
    plan, ended = plans(run.plan), store.run_outcome(pipeline, name) or {}
    annotations = annotations_of(store, pipeline, name)
    try:
        return RunSummary(
            run=name,
            pipeline=pipeline,
            flow=run.flow,
            plan=run.plan,
            status=str(ended.get("status") or _without_end(store, run)),
            started=run.created,
            seconds=seconds_between(run.created, ended.get("ended", "")),
            trigger=run.trigger,
            user=run.user,
            commit=run.commit,
            target=target_of(store, run),
            model=f"{run.model.name}/{run.model.version}" if run.model else "",
            registered=_registered(ended),
            decision=_decision(ended),
            params=params_of(plan, run),
            metrics={key: float(value) for key, value in metrics_of(store, plan, run).items()},
            tags=tags_in(annotations),
            notes=notes_in(annotations),
            page=page_of(store, run),
            tracked=str(ended.get("tracked", "")),
        )
    except (ValueError, TypeError, AttributeError):
        key = f"{store.url}/{pipeline}/{name}"
        raise StoreError(f"{key}: a record of the run isn't what Atlas writes") from None


def _without_end(store: Store, run: Run) -> str:
    """Return the status of a run of which no end is recorded, and which nothing here runs."""
    target = target_of(store, run)
    return KILLED if target in ("", LOCAL_TARGET) else f"on {target}"


def _decision(ended: dict[str, Any]) -> str:
    promotion = ended.get("promotion")
    if not promotion:
        return ""
    if promotion.get("waits"):
        return WAITS
    return PROMOTED if promotion["promoted"] else KEPT


def _registered(ended: dict[str, Any]) -> str:
    return f"{ended['model']}/{ended['version']}" if ended.get("version") else ""
