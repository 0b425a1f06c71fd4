"""Resolving params: literals, and what names a parameter, a feature, an axis or a run's fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.load import nearest, short
from atlas.recipe import DYNAMIC, RUN_FACTS
from atlas.validate.flat import Param, names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.config import Config
    from atlas.errors import Problem
    from atlas.validate.flat import DocumentPath


@dataclass(frozen=True)
class Params:
    """Resolves the params of one Recipe, as it is used in one Config.

    Attributes:
        config: gives features and axes.
        declared: the Recipe's parameters.
        bound: what they stand for where the Recipe is a step of another.
        problems: where Problems go.
        is_open: whether the Recipe is checked alone, and only a Config could say what there is.
    """

    config: Config
    declared: Mapping[str, Any]
    bound: Mapping[str, Param]
    problems: list[Problem]
    is_open: bool = False

    def resolve_all(self, raw: Mapping[str, Any], place: DocumentPath) -> dict[str, Param]:
        """Return what params stand for; what can't be resolved is open, and a Problem."""
        return {name: self.resolve(value, place / name) for name, value in raw.items()}

    def resolve(self, raw: Any, place: DocumentPath) -> Param:
        """Return what a param stands for."""
        if not isinstance(raw, dict) or len(raw) != 1 or (key := next(iter(raw))) not in DYNAMIC:
            return Param("value", raw, place)
        resolvers = {
            "literal": lambda value, at: Param("value", value, at),
            "parameter": self._parameter,
            "feature": self._feature,
            "axis": self._axis,
            "run": self._run,
        }
        return resolvers[key](raw[key], place)

    def _parameter(self, name: Any, place: DocumentPath) -> Param:
        known = name if isinstance(name, str) else ""
        if known in self.bound:
            outer = self.bound[known]
            return Param(outer.kind, outer.value, place)
        if known in self.declared:
            return Param("parameter", name, place)
        message = f"the Recipe has no parameter '{short(name)}'"
        return self._unknown("R007", message, name, self.declared, place)

    def _feature(self, path: Any, place: DocumentPath) -> Param:
        if self.is_open:
            return Param("open", path, place)
        if not isinstance(path, str):
            message = f"'{short(path)}' isn't the name of a feature"
            return self._unknown("R008", message, path, self.config.features, place)
        value: Any = self.config.features
        for part in [path] if path in value else path.split("."):
            if not isinstance(value, dict) or part not in value:
                known = value if isinstance(value, dict) else ()
                message = f"the Config has no feature '{short(path)}'"
                return self._unknown("R008", message, part, known, place)
            value = value[part]
        return Param("value", value, place)

    def _axis(self, axis: Any, place: DocumentPath) -> Param:
        if self.is_open or (isinstance(axis, str) and axis in self.config.matrix):
            return Param("open" if self.is_open else "axis", axis, place)
        message = f"the Config's matrix has no axis '{short(axis)}'"
        return self._unknown("R009", message, axis, self.config.matrix, place)

    def _run(self, fact: Any, place: DocumentPath) -> Param:
        if isinstance(fact, str) and fact in RUN_FACTS:
            return Param("run", fact, place)
        message = f"a run has no fact '{short(fact)}'"
        return self._unknown("R038", message, fact, RUN_FACTS, place)

    def _unknown(
        self, code: str, message: str, name: Any, known: Any, place: DocumentPath
    ) -> Param:
        hint = nearest(short(name), known)
        expected = names(known)
        self.problems.append(
            place.problem(code, message, found=short(name), expected=expected, hint=hint)
        )
        return Param("open", name, place)
