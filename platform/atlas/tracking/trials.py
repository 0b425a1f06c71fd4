"""The trials of a search as MLflow has them: runs that are nested in the run."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.search.history import FAILED as FAILED_TRIAL
from atlas.search.history import PRUNED
from atlas.search.part import BEST, PAGE, PROPOSE, RESULT, TRIAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.plan import Plan, PlanStep
    from atlas.store import Run, Store
    from atlas.tracking.record import RunRecord

_STATUS = {FAILED_TRIAL: "FAILED", PRUNED: "KILLED"}
"""How a trial ended, in MLflow's words; any other has finished."""


def trial_records(store: Store, plan: Plan, run: Run, outer: RunRecord) -> Iterator[RunRecord]:
    """Return the records of a run's trials, those of each search numbered from 0.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        outer: the run's own record.
    """
    numbers: dict[str, int] = {}
    for step in plan.steps:
        part = step.search
        if part is None or part.role != TRIAL:
            continue
        first, indexes = numbers.get(part.of, 0), store.indexes(run, step.name)
        numbers[part.of] = first + len(indexes)
        for index in indexes:
            result = _result(store, run, step, index)
            if result is not None:
                yield _record(outer, part.of, first + index, result, part.metric)


def _result(store: Store, run: Run, step: PlanStep, index: int) -> Mapping[str, Any] | None:
    """Return what a trial has shown; None for one that was killed, or is running yet."""
    try:
        result: Mapping[str, Any] = store.get(run.pipeline, run.id, step.name, RESULT, index=index)
    except StoreError:
        return None
    return result


def _record(
    outer: RunRecord, step: str, number: int, result: Mapping[str, Any], metric: str
) -> RunRecord:
    ended = _millis(result["ended"])
    value = result["value"]
    metrics = {**result["metrics"], **({} if value is None else {metric: value})}
    facts = {
        "run": f"{outer.tags['atlas.run']}.{step}.{number}",
        "pipeline": outer.tags["atlas.pipeline"],
        "trial": f"{step}.{number}",
        "trial.state": result["state"],
        "trial.error": result["error"],
    }
    return type(outer)(
        experiment=outer.experiment,
        name=f"{outer.name} {step} trial {number}",
        status=_STATUS.get(result["state"], "FINISHED"),
        started=_millis(result["started"]),
        ended=ended,
        params={name: _text(one) for name, one in result["params"].items()},
        metrics={name: (float(one), ended) for name, one in metrics.items()},
        tags={f"atlas.{name}": text for name, text in facts.items() if text},
    )


def is_of_search(plan: Plan, step: str) -> bool:
    """Tell whether a step only serves a search, so that its facts are those of the trials."""
    part = plan.step(step).search
    return part is not None and part.role != BEST


def search_params(plan: Plan) -> dict[str, str]:
    """Return what was searched: ``step.search`` → the search as JSON."""
    found: dict[str, str] = {}
    for step in plan.steps:
        part = step.search
        if part is not None and part.role == PROPOSE and "search" in step.params:
            found.setdefault(f"{part.of}.search", _text(step.params["search"].value))
    return found


def search_pages(store: Store, plan: Plan, run: Run) -> dict[str, bytes]:
    """Return the pages of a run's searches: name of the file → content."""
    pages: dict[str, bytes] = {}
    for step in plan.steps:
        if step.search is not None and step.search.role == BEST:
            try:
                page = store.get(run.pipeline, run.id, step.name, PAGE)
            except StoreError:
                continue
            pages[f"search/{step.name}.html"] = str(page).encode("utf-8", "replace")
    return pages


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _millis(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
