"""Flattening: inlining Recipes that are steps, and resolving every reference."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from atlas.load import RecipeFile, missing_file, nearest
from atlas.recipe import RESERVED, SETTINGS, Reference
from atlas.validate.flat import Flat, FlatStep, Input, Param, Place, names
from atlas.validate.params import Params
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.errors import Problem
    from atlas.load import ConfigFile, Loader
    from atlas.recipe import Step

_DEEPEST = 20
"""How deep Recipes may be inlined in each other."""


@dataclass(frozen=True)
class _Scope:
    """A Recipe being inlined: its names, and what it was given from outside.

    Attributes:
        prefix: in front of its steps' names; empty for the outermost.
        inputs: what `input.NAME` stands for; None for an optional one that wasn't given.
        params: what its parameters stand for; empty for the outermost, whose run binds them.
        settings: what its steps inherit from the step that it is.
        trail: the files it is inlined in, outermost first.
    """

    file: RecipeFile
    prefix: str = ""
    inputs: Mapping[str, Input | None] = field(default_factory=dict)
    params: Mapping[str, Param] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    trail: tuple[Path, ...] = ()

    @property
    def place(self) -> Place:
        """Where the Recipe is."""
        return Place(self.file.document, ())


class Flattener:
    """Flattens the Recipes of one Config."""

    def __init__(self, loader: Loader, config: ConfigFile) -> None:
        """Keep the loader, which finds Recipes and gathers Problems."""
        self.loader = loader
        self.config = config.config
        self.folder = config.folder
        self.place = Place(config.document, ())

    @property
    def problems(self) -> list[Problem]:
        """All Problems so far."""
        return self.loader.problems

    def flatten(self, file: RecipeFile, flow: str) -> Flat:
        """Return a Recipe's flat form; what is broken is left out and told as Problems."""
        recipe = file.recipe
        flat = Flat(recipe.name, flow, Place(file.document, ()), recipe.description)
        flat.parameters = dict(recipe.parameters)
        flat.images = dict(recipe.images)
        scope = _Scope(file, trail=(file.document.path.resolve(),))
        seen = {str(file.document.path): file.document.value}
        self._inline(scope, flat, seen)
        flat.digest = digest(sorted(seen.values(), key=digest))
        return flat

    def _inline(self, scope: _Scope, flat: Flat, seen: dict[str, Any]) -> None:
        for name, step in scope.file.recipe.steps.items():
            place = scope.place / "steps" / name
            if name in RESERVED:
                message = f"'{name}' is taken: references to it would be to {name}.NAME"
                self.problems.append(place.problem("R030", message, hint="choose another name"))
            elif step.recipe:
                self._inline_recipe(scope, name, step, flat, seen)
            else:
                flat.steps[scope.prefix + name] = self._step(scope, name, step, flat)
        self._check_outputs(scope)

    def _step(self, scope: _Scope, name: str, step: Step, flat: Flat) -> FlatStep:
        place = scope.place / "steps" / name
        own = FlatStep(
            name=scope.prefix + name,
            place=place,
            cls=step.cls,
            cls_place=place / "class",
            description=step.description,
            origin=self._origin(scope),
            inputs=self._inputs(scope, step, place),
            params=self._params(scope, step, place),
            formats=step.outputs,
            after=self._after(scope, step, place),
            settings=_settings(scope, step),
        )
        if step.foreach:
            name, reference = step.foreach
            found = self._resolve(scope, reference, place / "foreach" / name)
            own.foreach = (name, found) if found else None
        self._override(own, flat)
        return own

    def _origin(self, scope: _Scope) -> str:
        if not scope.prefix:
            return ""
        path = scope.file.document.path.resolve()
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

    def _inputs(self, scope: _Scope, step: Step, place: Place) -> dict[str, Input]:
        found = {
            name: self._resolve(scope, reference, place / "inputs" / name)
            for name, reference in step.inputs.items()
        }
        return {name: one for name, one in found.items() if one is not None}

    def _resolve(self, scope: _Scope, reference: Reference, place: Place) -> Input | None:
        """Return what a reference stands for outside of its Recipe, or None with a Problem."""
        if reference.kind == "input":
            return self._given(scope, reference, place)
        if reference.kind != "step":
            return Input(reference, place)
        resolved = self._output(scope.file, scope.prefix, reference, place, 0)
        return Input(resolved, place) if resolved else None

    def _given(self, scope: _Scope, reference: Reference, place: Place) -> Input | None:
        if reference.name in scope.inputs:
            given = scope.inputs[reference.name]
            return given and Input(given.source, place)
        known = scope.file.recipe.inputs
        if reference.name not in known:
            message = f"the Recipe has no input '{reference.name}'"
            hint = nearest(reference.name, known)
            problem = place.problem("R006", message, expected=names(known), hint=hint)
            self.problems.append(problem)
        elif not scope.prefix and not known[reference.name]:
            message = f"input.{reference.name} is given only where the Recipe is a step of another"
            self.problems.append(place.problem("R006", message))
        return None

    def _output(
        self, file: RecipeFile, prefix: str, reference: Reference, place: Place, depth: int
    ) -> Reference | None:
        """Follow step.output through Recipes that are steps to the step that gives it."""
        head, _, rest = reference.name.partition(".")
        step = file.recipe.steps.get(head)
        if step is None:
            known = list(file.recipe.steps)
            message = f"no step '{head}'"
            hint = nearest(head, known)
            problem = place.problem("R001", message, found=head, expected=names(known), hint=hint)
            self.problems.append(problem)
            return None
        if not step.recipe:
            return self._plain_output(reference, prefix, place, rest)
        inner = self._recipe_of(file, step, None)
        if inner is None or depth > _DEEPEST:
            return None
        if rest:
            deeper = replace(reference, name=rest)
        elif reference.output in inner.recipe.outputs:
            deeper = inner.recipe.outputs[reference.output]
        else:
            self._no_output(reference, inner, place)
            return None
        return self._output(inner, f"{prefix}{head}.", deeper, place, depth + 1)

    def _plain_output(
        self, reference: Reference, prefix: str, place: Place, rest: str
    ) -> Reference | None:
        if rest:
            head = reference.name.partition(".")[0]
            message = f"'{head}' is a class, not a Recipe, and has no step '{rest}'"
            self.problems.append(place.problem("R001", message, found=str(reference)))
            return None
        return replace(reference, name=prefix + reference.name)

    def _no_output(self, reference: Reference, inner: RecipeFile, place: Place) -> None:
        known = inner.recipe.outputs
        message = f"the Recipe {inner.document.shown} has no output '{reference.output}'"
        hint = nearest(reference.output, known)
        problem = place.problem(
            "R002", message, found=reference.output, expected=names(known), hint=hint
        )
        self.problems.append(problem)

    def _after(self, scope: _Scope, step: Step, place: Place) -> tuple[str, ...]:
        found: list[str] = []
        steps = scope.file.recipe.steps
        for index, name in enumerate(step.after):
            if name in steps:
                found += self._all_steps(scope.file, steps[name], scope.prefix + name, 0)
                continue
            message = f"no step '{name}'"
            hint = nearest(name, steps)
            at = place / "after" / index
            self.problems.append(at.problem("R029", message, expected=names(steps), hint=hint))
        inherited = scope.settings.get("_after", ())
        return tuple(dict.fromkeys((*inherited, *found)))

    def _all_steps(self, file: RecipeFile, step: Step, full: str, depth: int) -> list[str]:
        """Return the flat names of a step: its own, or those of the Recipe that it is."""
        if not step.recipe:
            return [full]
        inner = self._recipe_of(file, step, None)
        if inner is None or depth > _DEEPEST:
            return []
        parts = inner.recipe.steps.items()
        return [
            name
            for key, one in parts
            for name in self._all_steps(inner, one, f"{full}.{key}", depth + 1)
        ]

    def _params(self, scope: _Scope, step: Step, place: Place) -> dict[str, Param]:
        declared = scope.file.recipe.parameters
        params = Params(self.config, declared, scope.params, self.problems)
        return params.resolve_all(step.params, place / "params")

    def _inline_recipe(
        self, scope: _Scope, name: str, step: Step, flat: Flat, seen: dict[str, Any]
    ) -> None:
        place = scope.place / "steps" / name
        inner = self._recipe_of(scope.file, step, place / "recipe")
        if inner is None:
            return
        file = inner.document.path.resolve()
        if file in scope.trail or len(scope.trail) > _DEEPEST:
            message = f"{inner.document.shown} is a step of itself"
            self.problems.append((place / "recipe").problem("R039", message))
            return
        if step.foreach:
            message = "a Recipe that is a step can't have foreach"
            hint = "put foreach on the steps inside it"
            self.problems.append((place / "foreach").problem("R037", message, hint=hint))
        seen[str(file)] = inner.document.value
        self._add_images(inner, f"{scope.prefix}{name}", flat)
        settings = dict(_settings(scope, step))
        settings["_after"] = self._after(scope, step, place)
        child = _Scope(
            inner,
            f"{scope.prefix}{name}.",
            self._recipe_inputs(scope, step, inner, place),
            self._recipe_params(scope, step, inner, place),
            settings,
            (*scope.trail, file),
        )
        self._inline(child, flat, seen)

    def _recipe_of(self, file: RecipeFile, step: Step, place: Place | None) -> RecipeFile | None:
        """Load the Recipe that a step is; Problems only when a place is given."""
        folder = file.document.path.parent
        path = (folder / step.recipe).resolve()
        if place is None:
            inside = path.is_relative_to(self.loader.project.root.resolve())
            return self.loader.recipe(path) if inside and path.is_file() else None
        inner = self.loader.inside(place.document, place.at, step.recipe, folder)
        if inner is None:
            return None
        if not inner.is_file():
            problem = missing_file(place.document, place.at, inner, "R024", "Recipe")
            self.problems.append(problem)
            return None
        return self.loader.recipe(inner)

    def _recipe_inputs(
        self, scope: _Scope, step: Step, inner: RecipeFile, place: Place
    ) -> dict[str, Input | None]:
        declared = inner.recipe.inputs
        given: dict[str, Input | None] = {}
        for name, reference in step.inputs.items():
            if name in declared:
                given[name] = self._resolve(scope, reference, place / "inputs" / name)
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
        self, scope: _Scope, step: Step, inner: RecipeFile, place: Place
    ) -> dict[str, Param]:
        declared = inner.recipe.parameters
        given = self._params(scope, step, place)
        for name in set(given) - set(declared):
            message = f"the Recipe {inner.document.shown} has no parameter '{name}'"
            hint = nearest(name, declared)
            at = place / "params" / name
            self.problems.append(at.problem("R016", message, expected=names(declared), hint=hint))
        for name, parameter in declared.items():
            at = Place(inner.document, ("parameters", name))
            given.setdefault(name, Param("value", parameter.default, at))
        return given

    def _add_images(self, inner: RecipeFile, full: str, flat: Flat) -> None:
        for name, image in inner.recipe.images.items():
            if flat.images.setdefault(name, image) != image:
                message = f"{inner.document.shown} means another image by '{name}'"
                place = Place(inner.document, ("images", name))
                hint = f"give one of the two another name; it is the step {full}"
                self.problems.append(place.problem("R040", message, hint=hint))

    def _check_outputs(self, scope: _Scope) -> None:
        for name, reference in scope.file.recipe.outputs.items():
            place = scope.place / "outputs" / name
            if reference.kind != "step":
                message = f"an output is a step's, not '{reference}'"
                self.problems.append(place.problem("R002", message, expected="step.output"))
            else:
                self._output(scope.file, scope.prefix, reference, place, 0)


def _settings(scope: _Scope, step: Step) -> dict[str, Any]:
    """Return a step's settings: its own, over its Recipe's defaults, over the outer step's."""
    merged: dict[str, Any] = {}
    for layer in (scope.settings, scope.file.recipe.defaults, step.settings):
        for name in SETTINGS:
            if name in layer:
                merged[name] = _over(merged.get(name), layer[name])
    return merged


def _over(base: Any, value: Any) -> Any:
    return {**base, **value} if isinstance(base, dict) and isinstance(value, dict) else value
