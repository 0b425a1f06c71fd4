"""What the trials of a search have shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.search.spec import MAXIMIZE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DONE, PRUNED, FAILED = "done", "pruned", "failed"
"""How a trial ended."""
_SHOWN = 3


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


def failed_of(history: Sequence[Any]) -> list[Any]:
    """Return the trials that failed."""
    return [trial for trial in history if trial["state"] == FAILED]


def errors_of(history: Sequence[Any]) -> str:
    """Return the first errors of trials that failed, each once."""
    errors = dict.fromkeys(trial["error"] for trial in failed_of(history))
    return "; ".join(list(errors)[:_SHOWN])


def excess(history: Sequence[Any], max_failed: int | None) -> str:
    """Return why a search ends of which too many trials failed; or nothing.

    Args:
        history: its trials so far.
        max_failed: how many of them may fail; None for any number.
    """
    count = len(failed_of(history))
    if max_failed is None or count <= max_failed:
        return ""
    found = f"{count} of {len(history)} trials failed; expected at most {max_failed} (max_failed)"
    hint = "mend what fails, or raise max_failed; --resume tries the failed trials once more"
    return f"{found}: {errors_of(history)} ({hint})"


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
