"""What runs once per key, while Recipes are inlined: a class's step, or a Recipe as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.load import nearest, short
from atlas.recipe import KEY, LITERAL_KEYS, GivenKeys, OneOf, Reference
from atlas.validate.flat import FlatForeach, Input, names
from atlas.validate.params import Params

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.load import ConfigFile, RecipeFile
    from atlas.recipe import Step
    from atlas.validate.flat import DocumentPath, FlatStep
    from atlas.validate.scope import References, Scope

_MOST_KEYS = 1000


class Loops:
    """Opens the ``foreach`` of the steps of one Config's Recipes."""

    def __init__(self, file: ConfigFile, references: References) -> None:
        """Keep the Config, whose features may have keys, and what resolves references."""
        self._config = file.config
        self._is_part = file.is_part
        self._references = references

    def open(self, scope: Scope, step: Step, own: FlatStep) -> None:
        """Give a class's step what it runs once for each of: its own keys, or its Recipe's."""
        if scope.foreach is None:
            axes = self._axes(scope, step, own.place)
            own.foreach = FlatForeach(axes) if axes else None
            return
        self._refuse(scope, step, own.place)
        own.foreach, own.when = scope.foreach, scope.when
        inside = f"{scope.foreach.group}."
        own.inputs = {
            name: Input(Reference("broken", ""), read.place)
            if read.options
            else _of_same_key(read, inside)
            for name, read in own.inputs.items()
        }

    def of_recipe(self, scope: Scope, step: Step, place: DocumentPath) -> FlatForeach | None:
        """Return what the steps of a Recipe that is a step run once for each of, or None."""
        if scope.foreach is not None:
            self._refuse(scope, step, place)
            return scope.foreach
        axes = self._axes(scope, step, place)
        return FlatForeach(axes, f"{scope.prefix}{step.name}") if axes else None

    def keys_as_inputs(
        self, scope: Scope, step: Step, inner: RecipeFile, place: DocumentPath
    ) -> dict[str, Input | None]:
        """Return the inputs of a Recipe that are its keys: name → what its steps are given."""
        given: dict[str, Input | None] = {}
        group = f"{scope.prefix}{step.name}"
        for axis in step.foreach if scope.foreach is None else ():
            at, declared = place / "foreach" / axis, inner.recipe.inputs
            given[axis] = Input(Reference(KEY, axis, step=group), at)
            if axis not in declared:
                message = f"the Recipe {inner.document.shown} has no input '{axis}'"
                hint = nearest(axis, declared)
                problem = at.problem("R020", message, expected=names(declared), hint=hint)
                self._references.problems.append(problem)
        return given

    def _axes(self, scope: Scope, step: Step, place: DocumentPath) -> Mapping[str, Input]:
        """Return the lists by name, in the order of names: that of a JSON object means nothing."""
        found = {
            axis: self._keys(scope, keys, place / "foreach" / axis)
            for axis, keys in sorted(step.foreach.items())
        }
        return {axis: keys for axis, keys in found.items() if keys is not None}

    def _keys(
        self, scope: Scope, given: Reference | GivenKeys, place: DocumentPath
    ) -> Input | None:
        if isinstance(given, GivenKeys):
            return self._given_keys(scope, given.raw, place)
        return self._references.resolve(scope, given, place)

    def _given_keys(self, scope: Scope, raw: Any, place: DocumentPath) -> Input:
        """Return the keys that the documents give: a list, or a feature that is one."""
        problems, declared = self._references.problems, scope.file.recipe.parameters
        params = Params(self._config, declared, scope.params, problems, is_open=self._is_part)
        param = params.resolve(raw, place)
        if param.kind == "open":
            return Input(Reference("broken", ""), place)
        keys = param.value
        is_plain = isinstance(keys, list) and all(isinstance(k, str | int | float) for k in keys)
        if is_plain and len(keys) <= _MOST_KEYS:
            return Input(Reference(LITERAL_KEYS, ""), place, keys=tuple(keys))
        message = f"the feature '{raw['feature']}' isn't a list of keys"
        expected = f"a list of at most {_MOST_KEYS} texts, numbers or bools"
        problems.append(place.problem("R027", message, found=short(keys), expected=expected))
        return Input(Reference("broken", ""), place)

    def _refuse(self, scope: Scope, step: Step, place: DocumentPath) -> None:
        """Say what a step can't have inside of a Recipe that runs once per key."""
        group = scope.foreach.group if scope.foreach else ""
        ways = {
            "foreach": (step.foreach, f"give the foreach of '{group}' a second list"),
            "when": (step.when, f"put the condition on '{group}', or on what follows it"),
        }
        for name, (is_given, hint) in ways.items():
            if is_given:
                message = f"'{group}' runs once per key, and no step in it can have {name}"
                problem = (place / name).problem("R057", message, hint=hint)
                self._references.problems.append(problem)
        for name, given in step.inputs.items():
            if isinstance(given, OneOf):
                message = f"'{group}' runs once per key, and no step in it can have one_of"
                at = place / "inputs" / name
                self._references.problems.append(at.problem("R057", message))


def _of_same_key(read: Input, inside: str) -> Input:
    """Return an input that reads, of a step of its own Recipe, what that gives for its own key."""
    source = read.source
    if source.kind == "step" and source.name.startswith(inside):
        return replace(read, source=replace(source, same_key=True))
    return read
