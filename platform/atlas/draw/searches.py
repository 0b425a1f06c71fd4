"""Searches in a drawing: the rounds of one are a single node, at the step that gives the best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.draw import facts
from atlas.search.part import BEST, COUNT, PROPOSE, SEARCH, TRIAL
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.plan.model import Plan
    from atlas.plan.parts import PlanStep

_SPACE = "space"
_OF_ROUNDS = ("foreach.", "inputs.", "params.")
"""What the step that gives the best has for the rounds alone, or shares with the trials."""


@dataclass(frozen=True, slots=True)
class DrawnSearch:
    """The rounds of a search.

    Attributes:
        steps: full names of the steps that propose and try, in their order.
        rounds: how many trials each round has.
        raw: the search as its Recipe has it.
        trial: the first of the steps that try.
    """

    steps: tuple[str, ...]
    rounds: tuple[int, ...]
    raw: Mapping[str, Any]
    trial: PlanStep

    @property
    def text(self) -> str:
        """What is written of it: ``20 trials in rounds of 4``."""
        return rounds_text(sum(self.rounds), max(self.rounds))


def rounds_text(trials: int, concurrency: int) -> str:
    """Return in words how many trials a search has, and how many of them at a time."""
    text = f"{trials} trial{'' if trials == 1 else 's'}"
    return text if trials <= concurrency else f"{text} in rounds of {concurrency}"


def searches_of(plan: Plan) -> dict[str, DrawnSearch]:
    """Return full name of the step that gives a search's best → the search."""
    found: dict[str, list[PlanStep]] = {}
    for step in plan.steps:
        if step.search and step.search.role != BEST:
            found.setdefault(step.search.of, []).append(step)
    searches = {name: _search(steps) for name, steps in found.items() if name in plan.by_name}
    return {name: search for name, search in searches.items() if search}


def _search(steps: list[PlanStep]) -> DrawnSearch | None:
    """Return a search by its steps; None where these aren't what a search of Atlas's has."""
    proposing = [
        step
        for step in steps
        if step.search and step.search.role == PROPOSE and {COUNT, SEARCH} <= step.params.keys()
    ]
    trial = next((step for step in steps if step.search and step.search.role == TRIAL), None)
    if trial is None or not proposing:
        return None
    return DrawnSearch(
        steps=tuple(step.name for step in steps),
        rounds=tuple(step.params[COUNT].value for step in proposing),
        raw=proposing[0].params[SEARCH].value,
        trial=trial,
    )


def search_facts(best: PlanStep, search: DrawnSearch, plan: Plan) -> dict[str, str]:
    """Return what a Plan says of a step whose params a search finds: its trials' facts, and it."""
    own, tried = facts.of_step(best, plan), facts.of_step(search.trial, plan)
    shared = {name: text for name, text in own.items() if not name.startswith(_OF_ROUNDS)}
    of_trials = {
        name: text
        for name, text in tried.items()
        if not name.startswith(("foreach.", "outputs.", "description"))
    }
    return {**shared, **of_trials, **dict(search_settings(search.raw))}


def search_settings(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the search's own fields, and one for each param that it finds."""
    for name, dimension in raw.get(_SPACE, {}).items():
        yield f"search.space.{name}", canonical(dimension)
    for name, value in raw.items():
        if name != _SPACE:
            yield f"search.{name}", value if isinstance(value, str) else canonical(value)
