"""From a Recipe, as written, to a Drawing: before there is a Config to make a Plan with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.draw.model import RECIPE
from atlas.draw.plans import of_plan
from atlas.draw.searches import rounds_text, search_settings
from atlas.plan.model import Plan
from atlas.plan.parts import Foreach, InputSource, PlanStep, Value
from atlas.recipe import DYNAMIC, LITERAL_KEYS, ONE_OF, GivenKeys, OneOf, parse_input
from atlas.search.part import EVALUATE
from atlas.search.spec import SearchSpec
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.draw.model import Drawing, Node
    from atlas.recipe import Recipe, Reference, Step


def of_recipe(recipe: Recipe) -> Drawing:
    """Return the drawing of a Recipe; a step that is a Recipe itself is one node of that kind."""
    known = set(recipe.steps)
    plan = Plan(
        name=recipe.name,
        pipeline=recipe.name,
        config=recipe.name,
        flow=recipe.flow or "recipe",
        recipe="",
        environment="",
        target="",
        description=recipe.description,
        parameters=recipe.parameters,
        images=recipe.images,
        steps=tuple(_step(step, known) for step in recipe.steps.values()),
    )
    drawing = of_plan(plan)
    nodes = (_node(node, recipe.steps.get(node.id)) for node in drawing.nodes)
    return replace(drawing, nodes=tuple(nodes))


def _step(step: Step, known: set[str]) -> PlanStep:
    """Return a step as the Plan would have it, without what only a Config says."""
    axes = tuple((axis, _keys(keys, known)) for axis, keys in step.foreach.items())
    return PlanStep(
        name=step.name,
        cls=step.cls,
        description=step.description,
        inputs={name: _source(given, known) for name, given in _inputs(step).items()},
        params={name: _value(given) for name, given in step.params.items()},
        after=tuple(name for name in step.after if name in known),
        foreach=Foreach(axes) if axes else None,
        when=step.when and step.when.mapped(lambda given: _source(given, known)),
    )


def _inputs(step: Step) -> dict[str, Reference | OneOf]:
    """Return what a step reads; of one with a search, what measures its trials reads too."""
    measuring = step.search.get("evaluate", {}).get("inputs", {})
    return {**step.inputs, **{f"{EVALUATE}{n}": parse_input(raw) for n, raw in measuring.items()}}


def _keys(given: Reference | GivenKeys, known: set[str]) -> InputSource:
    """Return where keys come from; those of a feature only a Config knows."""
    if not isinstance(given, GivenKeys):
        return _source(given, known)
    raw = given.raw
    keys = tuple(raw) if isinstance(raw, list) else (f"feature {raw['feature']}",)
    return InputSource(LITERAL_KEYS, "", keys=keys)


def _source(given: Reference | OneOf, known: set[str]) -> InputSource:
    """Return a reference as a source; an inlined Recipe's step stands for that Recipe.

    What names no step of this Recipe is drawn as something from outside.
    """
    if isinstance(given, OneOf):
        options = tuple(_source(option, known) for option in given.options)
        return InputSource(ONE_OF, "", options=options)
    if given.kind != "step" or given.name in known:
        return InputSource(given.kind, given.name, given.output, given.step)
    first, _, rest = given.name.partition(".")
    if first in known:
        return InputSource("step", first, f"{rest}.{given.output}")
    return InputSource("input", given.name, given.output)


def _value(given: Any) -> Value:
    """Return a param's value, or what it is to come from."""
    if isinstance(given, dict) and len(given) == 1 and (key := next(iter(given))) in DYNAMIC:
        return Value("value" if key == "literal" else key, given[key])
    return Value("value", given)


def _node(node: Node, step: Step | None) -> Node:
    """Return a step's node with what only the Recipe knows of it."""
    if step is None:
        return node
    facts = {**node.facts, **{key: _text(given) for key, given in step.settings.items()}}
    if step.search:
        spec = SearchSpec.parse(step.search)
        node = replace(node, search=rounds_text(spec.trials, spec.concurrency))
        facts |= dict(search_settings(step.search))
    if not step.recipe:
        return replace(node, facts=facts)
    return replace(node, kind=RECIPE, detail=step.recipe, facts={"recipe": step.recipe, **facts})


def _text(given: Any | Mapping[str, Any]) -> str:
    return given if isinstance(given, str) else canonical(given)
