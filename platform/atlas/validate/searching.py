"""A step with a search as the steps that do it: rounds that propose and try, and the best."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.recipe import Reference
from atlas.search.part import (
    BEST,
    EVALUATE,
    HISTORY,
    KEY,
    OWN_OUTPUTS,
    PROPOSALS,
    PROPOSE,
    RESULT,
    RESULTS,
    TRIAL,
    SearchPart,
)
from atlas.search.spec import SearchSpec
from atlas.validate.flat import FlatForeach, FlatStep, Input, Param

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.validate.flat import DocumentPath

_FIRST, _NEXT = "atlas.search:ProposeFirst", "atlas.search:Propose"
_OF_WORK = ("resources", "secrets", "cache")
"""Settings that only steps that train need."""


@dataclass(frozen=True)
class FlatSearch:
    """A search of a step, its fields put together of the Recipe's and the Config's.

    Attributes:
        name: full name of the step.
        raw: the fields.
        places: where each was written.
        evaluator: what measures a trial, as a step of its own; None where the class does.
        is_sound: whether its fields fit each other, so that its rounds are known.
        inputs: the step's own inputs.
        params: the step's own params, those left out that are searched.
    """

    name: str
    place: DocumentPath
    raw: Mapping[str, Any]
    places: Mapping[str, DocumentPath]
    evaluator: FlatStep | None
    is_sound: bool
    inputs: Mapping[str, Input]
    params: Mapping[str, Param]

    def field_place(self, name: str) -> DocumentPath:
        """Return where a field was written; of one that is missing, where the search is."""
        return self.places.get(name, self.place)

    def trial_steps(self) -> list[str]:
        """Return the names of the steps that try."""
        return [_trial_name(self.name, number + 1) for number in range(len(_rounds(self)))]

    def part(self, role: str) -> SearchPart:
        """Return what a step of a role does for it."""
        evaluator = self.evaluator.cls if self.evaluator else ""
        refit = bool(self.raw.get("refit", False))
        metric, goal = self.raw.get("metric", ""), self.raw.get("goal", "")
        most = self.raw.get("max_failed")
        return SearchPart(role, self.name, metric, goal, evaluator, refit, most)


def _trial_name(step: str, number: int) -> str:
    return f"{step}-trials-{number}"


def _proposing_name(step: str, number: int) -> str:
    return f"{step}-propose-{number}"


def _rounds(search: FlatSearch) -> tuple[int, ...]:
    """Return how many trials each round has; of a search that can't be right, one of one."""
    return SearchSpec.parse(search.raw).rounds if search.is_sound else (1,)


def expanded(own: FlatStep, search: FlatSearch) -> Iterator[FlatStep]:
    """Give the steps of a search in their order; the last is the Recipe's own step."""
    rounds = _rounds(search)
    for number, count in enumerate(rounds, 1):
        yield _proposing(own, search, number, count)
        yield _trial(own, search, number)
    yield _best(own, search, len(rounds))


def _proposing(own: FlatStep, search: FlatSearch, number: int, count: int) -> FlatStep:
    raw = {name: value for name, value in search.raw.items() if name != "evaluate"}
    return FlatStep(
        name=_proposing_name(own.name, number),
        place=own.place,
        cls=_FIRST if number == 1 else _NEXT,
        cls_place=own.cls_place,
        description=f"Proposes round {number} of the search of {own.name}.",
        origin=own.origin,
        inputs={} if number == 1 else _so_far(own, number - 1),
        params={"search": Param("value", raw, search.place),
                "count": Param("value", count, search.place)},
        after=own.after,
        when=own.when,
        settings=_light(own.settings),
        places=own.places,
        search=search.part(PROPOSE),
    )  # fmt: skip


def _so_far(own: FlatStep, number: int) -> dict[str, Input]:
    """Return what is known after a round: the trials before it, and its own results."""
    before = Reference("step", _proposing_name(own.name, number), HISTORY)
    results = Reference("step", _trial_name(own.name, number), RESULT)
    return {HISTORY: Input(before, own.place), RESULTS: Input(results, own.place)}


def _trial(own: FlatStep, search: FlatSearch, number: int) -> FlatStep:
    measured = search.evaluator
    more_inputs = {f"{EVALUATE}{n}": i for n, i in measured.inputs.items()} if measured else {}
    more_params = {f"{EVALUATE}{n}": p for n, p in measured.params.items()} if measured else {}
    proposals = Reference("step", _proposing_name(own.name, number), PROPOSALS)
    return replace(
        own,
        name=_trial_name(own.name, number),
        description=f"Tries what round {number} of the search of {own.name} proposes.",
        inputs={**search.inputs, **more_inputs},
        params={**search.params, **more_params},
        formats=_without_own(own.formats),
        trust=_without_own(own.trust),
        foreach=FlatForeach({KEY: Input(proposals, search.place)}),
        settings=dict(own.settings),
        search=search.part(TRIAL),
    )


def _without_own(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in named.items() if name not in OWN_OUTPUTS}


def _best(own: FlatStep, search: FlatSearch, rounds: int) -> FlatStep:
    part = search.part(BEST)
    return replace(
        own,
        inputs={**(search.inputs if part.refit else {}), **_so_far(own, rounds)},
        params=dict(search.params) if part.refit else {},
        foreach=None,
        settings=dict(own.settings) if part.refit else _light(own.settings),
        search=part,
    )


def _light(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a step that trains nothing."""
    return {name: value for name, value in settings.items() if name not in _OF_WORK}
