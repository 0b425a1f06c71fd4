"""A Recipe while it is inlined, and what its references stand for outside of it."""

from __future__ import annotations

from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from atlas.condition import both
from atlas.dataclass import dataclass
from atlas.load import below, is_file, nearest
from atlas.recipe import ONE_OF, OneOf, Reference
from atlas.validate.flat import DocumentPath, Input, names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.condition import Condition
    from atlas.errors import Problem
    from atlas.load import Loader, RecipeFile
    from atlas.recipe import Step
    from atlas.validate.flat import FlatForeach, Param

DEEPEST = 20
"""How deep Recipes may be inlined in each other."""
MAX_AFTERS = 1_000_000
"""How many pairs of steps `after` may order in one flow, Recipes that are steps opened."""


@dataclass(frozen=True)
class Scope:
    """A Recipe being inlined: its names, and what it was given from outside.

    Attributes:
        file: the Recipe.
        prefix: in front of its steps' names; empty for the outermost.
        inputs: what `input.NAME` stands for; None for an optional one that wasn't given.
        params: what its parameters stand for; empty for the outermost, whose run binds them.
        settings: what its steps inherit from the step that it is.
        places: where those settings were written.
        after: what all of its steps wait for.
        when: the condition under which its steps run.
        foreach: what its steps run once for each of; None for once.
        trail: the files it is inlined in, outermost first.
    """

    file: RecipeFile
    prefix: str = ""
    inputs: Mapping[str, Input | None] = field(default_factory=dict)
    params: Mapping[str, Param] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, DocumentPath] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    when: Condition | None = None
    foreach: FlatForeach | None = None
    trail: tuple[Path, ...] = ()

    @property
    def place(self) -> DocumentPath:
        """Where the Recipe is."""
        return DocumentPath(self.file.document, ())


class References:
    """Resolves references of Recipes that are inlined, to steps of the flat form."""

    def __init__(self, loader: Loader, *, is_part: bool) -> None:
        """Keep the loader, which finds Recipes and gathers Problems.

        Args:
            loader: of the project.
            is_part: whether the outermost Recipe is checked alone though it is only ever a step.
        """
        self.loader = loader
        self.is_part = is_part
        self._afters = 0
        self._inner: dict[Path, tuple[str, ...]] = {}

    @property
    def problems(self) -> list[Problem]:
        """All Problems so far."""
        return self.loader.problems

    def input(self, scope: Scope, given: Reference | OneOf, place: DocumentPath) -> Input | None:
        """Return what an input reads, outside of its Recipe; as `resolve`, and with options."""
        if not isinstance(given, OneOf):
            return self.resolve(scope, given, place)
        places = [place / ONE_OF / number for number in range(len(given.options))]
        found = map(partial(self.resolve, scope), given.options, places)
        options = tuple(one for each in found if each is not None for one in each.each())
        if len(options) < 2:  # noqa: PLR2004 - the others were optional, and aren't given
            return next(iter(options), None)
        return Input(Reference(ONE_OF, str(given)), place, options)

    def condition(self, scope: Scope, step: Step, place: DocumentPath) -> Condition | None:
        """Return when a step runs: its own condition, and those of the Recipes around it."""
        when = DocumentPath(place.document, (*place.at, "when"))
        own = step.when and step.when.placed(
            lambda reference, path: self._compared(
                scope, reference, DocumentPath(when.document, (*when.at, *path))
            )
        )
        return both(scope.when, own)

    def _compared(self, scope: Scope, reference: Reference, place: DocumentPath) -> Input:
        """Return what a comparison reads; only what a step gives can be compared."""
        found = self.resolve(scope, reference, place)
        if found is not None and (found.source.kind in ("step", "broken", "input")):
            return found
        what = "an input that isn't given" if found is None else str(found.source)
        message = f"a condition compares what a step gives, not {what}"
        self.problems.append(
            place.problem("R051", message, found=str(reference), expected="step.output")
        )
        return Input(replace(reference, kind="broken"), place)

    def resolve(self, scope: Scope, reference: Reference, place: DocumentPath) -> Input | None:
        """Return what a reference stands for outside of its Recipe.

        Returns:
            None for an optional input that isn't given; a source of the kind ``broken`` for what
            can't be resolved, which is reported as a Problem.
        """
        if reference.kind == "input":
            return self._given(scope, reference, place)
        if reference.kind != "step":
            return Input(reference, place)
        resolved = self.output(scope.file, scope.prefix, reference, place)
        return Input(resolved or replace(reference, kind="broken"), place)

    def output(
        self,
        file: RecipeFile,
        prefix: str,
        reference: Reference,
        place: DocumentPath,
        depth: int = 0,
    ) -> Reference | None:
        """Follow step.output through Recipes that are steps to the step that gives it."""
        head, _, rest = reference.name.partition(".")
        step = file.recipe.steps.get(head)
        if step is None:
            self._no_step("R001", head, file, place)
            return None
        if not step.recipe:
            return self._plain_output(reference, prefix, place, rest)
        inner = self.recipe_of(file, step)
        if inner is None or depth > DEEPEST:
            return None
        if rest:
            deeper = replace(reference, name=rest)
        elif reference.output in inner.recipe.outputs:
            deeper = inner.recipe.outputs[reference.output]
        else:
            self._no_output(reference, inner, place)
            return None
        return self.output(inner, f"{prefix}{head}.", deeper, place, depth + 1)

    def after(self, scope: Scope, step: Step, place: DocumentPath) -> tuple[str, ...]:
        """Return the flat names of the steps that one waits for, those of its Recipe included."""
        if not step.after:
            return scope.after
        before: list[str] = []
        for index, name in enumerate(step.after):
            other = scope.file.recipe.steps.get(name)
            if other is None:
                self._no_step("R029", name, scope.file, place / "after" / index)
            else:
                before += self._all_steps(scope.file, other, scope.prefix + name, scope.trail)
        self._afters += len(before)
        if self._afters > MAX_AFTERS:
            message = f"orders more than {MAX_AFTERS:,} pairs of steps with after"
            self.problems.append(scope.place.problem("R003", message))
            return ()
        return tuple(dict.fromkeys((*scope.after, *before)))

    def recipe_of(self, file: RecipeFile, step: Step) -> RecipeFile | None:
        """Return the Recipe that a step is, if it can be loaded; tells nothing."""
        path = below(file.document.path.parent, step.recipe)
        inside = path and path.is_relative_to(self.loader.root)
        return self.loader.recipe(path) if path and inside and is_file(path) else None

    def _given(self, scope: Scope, reference: Reference, place: DocumentPath) -> Input | None:
        if reference.name in scope.inputs:
            given = scope.inputs[reference.name]
            return given and replace(given, place=place)
        known = scope.file.recipe.inputs
        if self.is_part and reference.name in known:
            return Input(reference, place)
        if known.get(reference.name):
            return None
        if reference.name in known:
            message = f"input.{reference.name} is given only where the Recipe is a step of another"
            expected = "a step, data or a part of the model"
            hint = "or make the input optional"
        else:
            message = f"the Recipe has no input '{reference.name}'"
            expected, hint = names(known), nearest(reference.name, known)
        self.problems.append(place.problem("R006", message, expected=expected, hint=hint))
        return Input(replace(reference, kind="broken"), place)

    def _all_steps(
        self, file: RecipeFile, step: Step, full: str, trail: tuple[Path, ...]
    ) -> list[str]:
        """Return the flat names of a step: its own, or those of the Recipe that it is."""
        if not step.recipe:
            return [full]
        inner = self.recipe_of(file, step)
        return [] if inner is None else [f"{full}.{name}" for name in self._inside(inner, trail)]

    def _inside(self, file: RecipeFile, trail: tuple[Path, ...]) -> tuple[str, ...]:
        """Return the names of a Recipe's steps, Recipes among them opened; each Recipe once."""
        path = file.document.path
        if path in trail or len(trail) > DEEPEST:
            return ()
        if path not in self._inner:
            inside: list[str] = []
            for name, step in file.recipe.steps.items():
                inside += self._all_steps(file, step, name, (*trail, path))
                if len(inside) > MAX_AFTERS:
                    break
            self._inner[path] = tuple(inside)
        return self._inner[path]

    def _plain_output(
        self, reference: Reference, prefix: str, place: DocumentPath, rest: str
    ) -> Reference | None:
        if rest:
            head = reference.name.partition(".")[0]
            message = f"'{head}' is a class, not a Recipe, and has no step '{rest}'"
            problem = place.problem("R001", message, found=str(reference), expected="step.output")
            self.problems.append(problem)
            return None
        return replace(reference, name=prefix + reference.name) if prefix else reference

    def _no_step(self, code: str, name: str, file: RecipeFile, place: DocumentPath) -> None:
        known = file.recipe.steps
        hint = nearest(name, known)
        problem = place.problem(
            code, f"no step '{name}'", found=name, expected=names(known), hint=hint
        )
        self.problems.append(problem)

    def _no_output(self, reference: Reference, inner: RecipeFile, place: DocumentPath) -> None:
        known = inner.recipe.outputs
        message = f"the Recipe {inner.document.shown} has no output '{reference.output}'"
        hint = nearest(reference.output, known)
        problem = place.problem(
            "R002", message, found=reference.output, expected=names(known), hint=hint
        )
        self.problems.append(problem)
