"""Flattening: inlining Recipes that are steps, until only steps with a class are left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.load import RecipeFile, nearest
from atlas.recipe import RESERVED, SETTINGS
from atlas.validate.flat import DocumentPath, Flat, FlatStep, Input, Param, names
from atlas.validate.loops import Loops
from atlas.validate.parameters import given_problems, passed_problems
from atlas.validate.params import Params
from atlas.validate.scope import DEEPEST, References, Scope
from atlas.validate.searches import Searches
from atlas.validate.searching import expanded
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.errors import Problem
    from atlas.load import ConfigFile, Loader
    from atlas.recipe import Parameter, Step

MAX_STEPS = 10_000
"""How many steps one flow may have once Recipes are inlined."""
_FOR_CLASSES = ("outputs", "search")
"""Fields that only a step with a class can have."""


class Flattener:
    """Flattens the Recipes of one Config."""

    def __init__(self, loader: Loader, file: ConfigFile) -> None:
        """Keep the loader, which finds Recipes and gathers Problems."""
        self.loader = loader
        self.config = file.config
        self.folder = file.folder
        self.is_part = file.is_part
        self.place = DocumentPath(file.document, ())
        self.references = References(loader, is_part=file.is_part)
        self.loops = Loops(file, self.references)
        self._steps = 0
        self._outer: Mapping[str, Parameter] = {}

    @property
    def problems(self) -> list[Problem]:
        """All Problems so far."""
        return self.loader.problems

    def flatten(self, file: RecipeFile, flow: str) -> Flat:
        """Return a Recipe's flat form; what is broken is left out and reported as Problems."""
        recipe = file.recipe
        flat = Flat(recipe.name, flow, DocumentPath(file.document, ()), recipe.description)
        flat.parameters = dict(recipe.parameters)
        self._steps, self._outer = 0, recipe.parameters
        scope = Scope(file, trail=(file.document.path,))
        self._add_images(scope, flat)
        seen = {str(file.document.path): file.document.value}
        self._inline(scope, flat, seen)
        documents = list(seen.values())
        flat.digest = digest(sorted(documents, key=digest) if len(documents) > 1 else documents)
        return flat

    def _inline(self, scope: Scope, flat: Flat, seen: dict[str, Any]) -> None:
        steps = scope.place / "steps"
        for name, step in scope.file.recipe.steps.items():
            place = steps / name
            self._steps += 1
            if self._steps > MAX_STEPS:
                self._too_many(scope)
                flat.is_whole = False
                return
            if name in RESERVED:
                message = f"'{name}' is taken: references to it would be to {name}.NAME"
                self.problems.append(place.problem("R030", message, hint="choose another name"))
                flat.is_whole = False
            elif step.recipe:
                self._inline_recipe(scope, name, step, flat, seen)
            else:
                self._add_step(scope, self._step(scope, step, place, flat), step, flat)
        self._check_outputs(scope, flat)

    def _add_step(self, scope: Scope, own: FlatStep, step: Step, flat: Flat) -> None:
        """Add a step, or the steps that its search stands for."""
        finder = Searches(self.references, self.config, self.place, self.is_part)
        search = finder.of(scope, own, step)
        if search is None:
            flat.steps[own.name] = own
            return
        flat.searches[own.name] = search
        for part in expanded(own, search):
            known = part.name.removeprefix(scope.prefix) in scope.file.recipe.steps
            if known and part.name != own.name:
                message = f"the name '{part.name}' is taken: the search of '{own.name}' has it"
                self.problems.append(own.place.problem("R030", message, hint="rename that step"))
            flat.steps[part.name] = part

    def _too_many(self, scope: Scope) -> None:
        """Say once that there are too many steps, and take no more."""
        if self._steps == MAX_STEPS + 1:
            message = f"has more than {MAX_STEPS:,} steps, those of Recipes inlined in it counted"
            outermost = DocumentPath(scope.file.document, ("steps",))
            expected = f"at most {MAX_STEPS:,}"
            self.problems.append(outermost.problem("R003", message, expected=expected))

    def _step(self, scope: Scope, step: Step, place: DocumentPath, flat: Flat) -> FlatStep:
        settings, places = _settings(scope, step, place)
        own = FlatStep(
            name=scope.prefix + step.name,
            place=place,
            cls=step.cls,
            cls_place=place / "class",
            description=step.description,
            origin=self._origin(scope),
            inputs=self._inputs(scope, step, place),
            params=self._params(scope, step, place),
            formats=step.outputs,
            trust=step.trust,
            after=self.references.after(scope, step, place),
            when=self.references.condition(scope, step, place),
            settings=settings,
            places=places,
        )
        self.loops.open(scope, step, own)
        self._override(own, flat)
        return own

    def _origin(self, scope: Scope) -> str:
        if not scope.prefix:
            return ""
        path = scope.file.document.path
        root = self.folder.resolve()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name

    def _override(self, step: FlatStep, flat: Flat) -> None:
        """Apply what the Config says of a step."""
        override = self.config.steps.get(step.name)
        if override is None:
            return
        place = self.place / "steps" / step.name
        if override.cls:
            step.cls, step.cls_place = override.cls, place / "class"
        params = Params(self.config, flat.parameters, {}, self.problems)
        step.params |= params.resolve_all(override.params, place / "params")

    def _inputs(self, scope: Scope, step: Step, place: DocumentPath) -> dict[str, Input]:
        inputs = place / "inputs"
        resolved = {
            name: self.references.input(scope, given, inputs / name)
            for name, given in step.inputs.items()
        }
        return {name: source for name, source in resolved.items() if source is not None}

    def _params(self, scope: Scope, step: Step, place: DocumentPath) -> dict[str, Param]:
        declared = scope.file.recipe.parameters
        params = Params(self.config, declared, scope.params, self.problems, is_open=self.is_part)
        return params.resolve_all(step.params, place / "params")

    def _inline_recipe(
        self, scope: Scope, name: str, step: Step, flat: Flat, seen: dict[str, Any]
    ) -> None:
        place = scope.place / "steps" / name
        inner = self._recipe_of(scope, step, place / "recipe")
        if inner is None:
            flat.is_whole = False
            return
        for field in _FOR_CLASSES:
            if getattr(step, field):
                message = f"a Recipe that is a step can't have {field}"
                hint = f"put {field} on the steps inside it"
                self.problems.append((place / field).problem("R037", message, hint=hint))
        seen[str(inner.document.path)] = inner.document.value
        settings, places = _settings(scope, step, place)
        child = Scope(
            file=inner,
            prefix=f"{scope.prefix}{name}.",
            inputs=self._recipe_inputs(scope, step, inner, place),
            foreach=self.loops.of_recipe(scope, step, place),
            params=self._recipe_params(scope, step, inner, place),
            settings=settings,
            places=places,
            after=self.references.after(scope, step, place),
            when=self.references.condition(scope, step, place),
            trail=(*scope.trail, inner.document.path),
        )
        self._add_images(child, flat)
        self._inline(child, flat, seen)

    def _recipe_of(self, scope: Scope, step: Step, place: DocumentPath) -> RecipeFile | None:
        """Load the Recipe that a step is, if it can be inlined here."""
        folder = scope.file.document.path.parent
        path = self.loader.named_recipe(place.document, place.at, step.recipe, folder)
        inner = self.loader.recipe(path) if path else None
        if inner is None:
            return None
        if inner.document.path in scope.trail:
            message = f"{inner.document.shown} is a step of itself"
            self.problems.append(place.problem("R039", message, found=step.recipe))
            return None
        if len(scope.trail) > DEEPEST:
            message = f"Recipes are steps of each other more than {DEEPEST} deep"
            self.problems.append(place.problem("R003", message, expected=f"at most {DEEPEST}"))
            return None
        return inner

    def _recipe_inputs(
        self, scope: Scope, step: Step, inner: RecipeFile, place: DocumentPath
    ) -> dict[str, Input | None]:
        declared = inner.recipe.inputs
        given = self.loops.keys_as_inputs(scope, step, inner, place)
        for name, source in step.inputs.items():
            if name in given:
                message = f"the input '{name}' is given twice: as an input and by foreach"
                self.problems.append((place / "inputs" / name).problem("R028", message))
                continue
            if name in declared:
                given[name] = self.references.input(scope, source, place / "inputs" / name)
                continue
            message = f"the Recipe {inner.document.shown} has no input '{name}'"
            hint = nearest(name, declared)
            at = place / "inputs" / name
            self.problems.append(at.problem("R020", message, expected=names(declared), hint=hint))
        for name, optional in declared.items():
            if name not in given and not optional:
                message = f"the input '{name}' of {inner.document.shown} is not given"
                self.problems.append(place.problem("R019", message, expected=f"inputs.{name}"))
            given.setdefault(name, None)
        return given

    def _recipe_params(
        self, scope: Scope, step: Step, inner: RecipeFile, place: DocumentPath
    ) -> dict[str, Param]:
        declared = inner.recipe.parameters
        given = self._params(scope, step, place)
        for name in [parameter for parameter in given if parameter not in declared]:
            message = f"the Recipe {inner.document.shown} has no parameter '{name}'"
            hint = nearest(name, declared)
            at = place / "params" / name
            self.problems.append(at.problem("R016", message, expected=names(declared), hint=hint))
        for name, parameter in declared.items():
            at = DocumentPath(inner.document, ("parameters", name, "default"))
            param = given.get(name, Param("value", parameter.default, at))
            if name in given or parameter.default is not None:
                given[name] = self._fitting(param, name, parameter)
                continue
            message = f"the parameter '{name}' of {inner.document.shown} is not given"
            expected = f"params.{name} ({parameter.type}), or a default in that Recipe"
            self.problems.append(place.problem("R018", message, expected=expected))
            given[name] = replace(param, kind="open")
        return given

    def _fitting(self, param: Param, name: str, parameter: Parameter) -> Param:
        """Return what a parameter of a Recipe that is a step is given; open if it doesn't fit."""
        outer = self._outer.get(param.value) if param.kind == "parameter" else None
        if outer is not None:
            problems = list(passed_problems(param, name, parameter, outer))
        else:
            problems = list(given_problems(param, name, parameter))
        self.problems.extend(problems)
        return replace(param, kind="open") if problems else param

    def _add_images(self, scope: Scope, flat: Flat) -> None:
        for name, image in scope.file.recipe.images.items():
            place = scope.place / "images" / name
            if flat.images.setdefault(name, image) != image:
                shown = scope.file.document.shown
                message = f"{shown} means another image by '{name}' than the Recipe around it"
                hint = "give one of the two another name"
                self.problems.append(place.problem("R040", message, hint=hint))
            flat.image_places.setdefault(name, place)

    def _check_outputs(self, scope: Scope, flat: Flat) -> None:
        for name, reference in scope.file.recipe.outputs.items():
            place = scope.place / "outputs" / name
            if reference.kind != "step":
                message = f"an output is a step's, not '{reference}'"
                self.problems.append(place.problem("R002", message, expected="step.output"))
                continue
            resolved = self.references.output(scope.file, scope.prefix, reference, place)
            if resolved:
                flat.exports[scope.prefix + name] = resolved


def _settings(
    scope: Scope, step: Step, place: DocumentPath
) -> tuple[dict[str, Any], dict[str, DocumentPath]]:
    """Return a step's settings: its own, over its Recipe's defaults, over the outer step's."""
    merged, places = dict(scope.settings), dict(scope.places)
    defaults = scope.place / "defaults"
    for layer, at in ((scope.file.recipe.defaults, defaults), (step.settings, place)):
        for name in [name for name in SETTINGS if name in layer] if layer else ():
            value = layer[name]
            merged[name] = _over(merged.get(name), value)
            places[name] = at / name
            if isinstance(value, dict):
                places |= {f"{name}.{key}": at / name / key for key in value}
    return merged, places


def _over(base: Any, value: Any) -> Any:
    return {**base, **value} if isinstance(base, dict) and isinstance(value, dict) else value
