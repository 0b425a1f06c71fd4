"""Resolving params: literals, and what names a parameter, a feature, an axis or a run's fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.load import nearest
from atlas.recipe import DYNAMIC, RUN_FACTS
from atlas.validate.flat import Param, names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.config import Config
    from atlas.errors import Problem
    from atlas.validate.flat import Place


@dataclass(frozen=True)
class Params:
    """Resolves the params of one Recipe, as it is used in one Config.

    Attributes:
        config: gives features and axes.
        declared: the Recipe's parameters.
        bound: what they stand for where the Recipe is a step of another.
        problems: where Problems go.
    """

    config: Config
    declared: Mapping[str, Any]
    bound: Mapping[str, Param]
    problems: list[Problem]

    def resolve_all(self, raw: Mapping[str, Any], place: Place) -> dict[str, Param]:
        """Return the params that could be resolved; the others are told as Problems."""
        found = {name: self.resolve(value, place / name) for name, value in raw.items()}
        return {name: one for name, one in found.items() if one is not None}

    def resolve(self, raw: Any, place: Place) -> Param | None:
        """Return what a param stands for, or None with a Problem."""
        key = next(iter(raw)) if isinstance(raw, dict) and len(raw) == 1 else ""
        if key not in DYNAMIC:
            return Param("value", raw, place)
        resolvers = {
            "literal": lambda value, at: Param("value", value, at),
            "parameter": self._parameter,
            "feature": self._feature,
            "axis": self._axis,
            "run": self._run,
        }
        return resolvers[key](raw[key], place)

    def _parameter(self, name: Any, place: Place) -> Param | None:
        if str(name) in self.bound:
            outer = self.bound[str(name)]
            return Param(outer.kind, outer.value, place)
        if str(name) in self.declared:
            return Param("parameter", name, place)
        message = f"the Recipe has no parameter '{name}'"
        return self._unknown("R007", message, name, self.declared, place)

    def _feature(self, path: Any, place: Place) -> Param | None:
        value: Any = self.config.features
        for part in str(path).split("."):
            if not isinstance(value, dict) or part not in value:
                known = value if isinstance(value, dict) else ()
                message = f"the Config has no feature '{path}'"
                return self._unknown("R008", message, part, known, place)
            value = value[part]
        return Param("value", value, place)

    def _axis(self, axis: Any, place: Place) -> Param | None:
        if str(axis) in self.config.matrix:
            return Param("axis", axis, place)
        message = f"the Config's matrix has no axis '{axis}'"
        return self._unknown("R009", message, axis, self.config.matrix, place)

    def _run(self, fact: Any, place: Place) -> Param | None:
        if fact in RUN_FACTS:
            return Param("run", fact, place)
        return self._unknown("R038", f"a run has no fact '{fact}'", fact, RUN_FACTS, place)

    def _unknown(
        self, code: str, message: str, name: Any, known: Any, place: Place
    ) -> Param | None:
        hint = nearest(str(name), known)
        self.problems.append(
            place.problem(code, message, found=str(name)[:60], expected=names(known), hint=hint)
        )
        return None
