"""What the trials of a search have shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.search.spec import MAXIMIZE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DONE, PRUNED, FAILED = "done", "pruned", "failed"
"""How a trial ended."""


def added(history: Sequence[Any], results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what is known after a round: its results, numbered on, behind those before."""
    rounds = history[-1]["round"] + 1 if history else 1
    new = [
        {**result, "number": len(history) + index, "round": rounds, "index": index}
        for index, result in enumerate(results)
    ]
    return [*history, *new]


def sign_of(goal: str) -> float:
    """Return what a value is multiplied by, so that greater is better."""
    return 1.0 if goal == MAXIMIZE else -1.0


def ranked(history: Sequence[Any], goal: str) -> list[Any]:
    """Return the trials that are done, the best first; of equal ones, the earlier."""
    done = [trial for trial in history if trial["state"] == DONE]
    return sorted(done, key=lambda trial: (-sign_of(goal) * trial["value"], trial["number"]))


def spent(history: Sequence[Any]) -> float:
    """Return for how many seconds at least one trial ran, whatever was between them."""
    spans = sorted((_time(trial["started"]), _time(trial["ended"])) for trial in history)
    total, until = 0.0, 0.0
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _time(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
