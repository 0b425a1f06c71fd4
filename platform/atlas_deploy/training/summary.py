"""How a run ended, as plain data and as text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atlas.launch import Followed
    from atlas.runner.local_run import LocalRun
    from atlas.step.finished import Finished


def summary(run: LocalRun | Followed) -> dict[str, Any]:
    """Return how a run ended, as plain data."""
    finished = run.finished
    promotion = finished.promotion if finished else None
    return {
        "event": "summary",
        "pipeline": run.plan.name,
        "flow": run.plan.flow,
        "run": run.run.id if run.is_open else "",
        "status": finished.status if finished else _unfinished(run),
        "error": run.error,
        "model": finished.model if finished else "",
        "version": finished.version if finished else "",
        "promoted": bool(promotion and promotion.promoted),
        "tracked": finished.tracked if finished else "",
        "warnings": list(finished.warnings) if finished else [],
    }


def _unfinished(run: LocalRun | Followed) -> str:
    """Return the status of a run of which no end is known: it failed to start, or was left."""
    return "failed" if run.error or not run.is_open else "left"


def lines(run: LocalRun | Followed, finished: Finished) -> list[str]:
    """Return how a run ended, and where to look, for a person."""
    cached = sum(outcome.cached for outcome in run.outcomes.values())
    name = f"{run.plan.name} {run.plan.flow}"
    count = f"{len(run.outcomes)} steps, {cached} cached"
    logs = [f"log: {path}" for path in _logs_of_failures(run)]
    return [f"{name}: {finished.status}, {count}; {run.place}", *logs, *finished.lines()]


def _logs_of_failures(run: LocalRun | Followed) -> list[str]:
    """Return where the logs are of units that failed, of those that have one."""
    from atlas.step.logs import LOG

    failed = [unit for unit, outcome in run.outcomes.items() if not outcome.ok]
    names = [unit.step if unit.item is None else f"{unit.step}/{unit.item:04d}" for unit in failed]
    logs = (f"{run.place}/{name}/{LOG}" for name in names)
    return [path for path in logs if os.path.exists(path)]
