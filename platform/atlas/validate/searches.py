"""Putting a search together: of what the Recipe says of it, and what the Config does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.recipe import parse_input
from atlas.validate.flat import DocumentPath, FlatStep, Input, Param
from atlas.validate.params import Params
from atlas.validate.search_fields import field_problems
from atlas.validate.searching import FlatSearch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.config import Config
    from atlas.errors import Problem
    from atlas.recipe import Step
    from atlas.validate.scope import References, Scope


@dataclass(frozen=True)
class Searches:
    """Finds the searches of one Recipe, as it is used in one Config.

    Attributes:
        references: resolves what an evaluator reads.
        config: the Config.
        config_place: where that is.
        is_part: whether the Recipe is checked alone.
    """

    references: References
    config: Config
    config_place: DocumentPath
    is_part: bool

    @property
    def problems(self) -> list[Problem]:
        """All Problems so far."""
        return self.references.problems

    def of(self, scope: Scope, own: FlatStep, step: Step) -> FlatSearch | None:
        """Return the search of a step; None for a step without one."""
        place = DocumentPath(own.place.document, (*own.place.at, "search"))
        raw: dict[str, Any] = dict(step.search)
        places = {name: place / name for name in raw}
        override = self.config.steps.get(own.name)
        other = override.search if override else {}
        if other is None or not (raw or other):
            return None
        if other:
            at = self.config_place / "steps" / own.name / "search"
            raw |= other
            places |= {name: at / name for name in other}
            place = place if step.search else at
        if scope.foreach is not None:
            self._refuse(scope.foreach.group, place)
            return None
        return self._checked(scope, own, raw, place, places)

    def _refuse(self, group: str, place: DocumentPath) -> None:
        """Say that nothing in a Recipe that runs once per key can have a search."""
        message = f"'{group}' runs once per key, and no step in it can have a search"
        hint = f"search in a step before '{group}', and give it that step's best_params"
        self.problems.append(place.problem("R057", message, hint=hint))

    def _checked(
        self,
        scope: Scope,
        own: FlatStep,
        raw: dict[str, Any],
        place: DocumentPath,
        places: Mapping[str, DocumentPath],
    ) -> FlatSearch:
        """Return the search; fields that don't fit each other are Problems."""
        evaluator = self._evaluator(scope, own, raw, places) if "evaluate" in raw else None
        params = {n: param for n, param in own.params.items() if n not in raw.get("space", {})}
        search = FlatSearch(
            own.name, place, raw, places, evaluator, is_sound=True, inputs=own.inputs, params=params
        )
        problems = list(field_problems(search, is_mapped=own.foreach is not None))
        self.problems.extend(problems)
        return replace(search, is_sound=not problems)

    def _evaluator(
        self,
        scope: Scope,
        own: FlatStep,
        raw: Mapping[str, Any],
        places: Mapping[str, DocumentPath],
    ) -> FlatStep:
        """Return what measures a trial, as a step: its inputs and params resolved."""
        given, place = raw["evaluate"], places["evaluate"]
        inputs: dict[str, Input] = {}
        for name, source in given.get("inputs", {}).items():
            read = self.references.input(scope, parse_input(source), place / "inputs" / name)
            inputs |= {name: read} if read is not None else {}
        params = Params(
            self.config,
            scope.file.recipe.parameters,
            scope.params,
            self.problems,
            is_open=self.is_part,
        )
        resolved: dict[str, Param] = params.resolve_all(given.get("params", {}), place / "params")
        return FlatStep(
            name=own.name,
            place=place,
            cls=given["class"],
            cls_place=place / "class",
            inputs=inputs,
            params=resolved,
        )
