"""Steps that the challenger runs beside the model that inference follows.

A shadow, or a canary, repeats every step that leads from the model's parts to a Predictor, with
the challenger's parts: a scaler that is a part of the model is the challenger's own then, too. Each
is a step like any other, so every target runs it as it runs the rest. What follows a Predictor is
not repeated: nothing of a shadow's predictions reaches a Sink.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.graph import between, order
from atlas.recipe import Retries
from atlas.validate.scoring_rules import CHALLENGER

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from atlas.plan.parts import InputSource, PlanStep


def repeated(steps: Sequence[PlanStep]) -> list[str]:
    """Return the names of the steps that a challenger has to run too, in their order."""
    edges = {step.name: _read(step) for step in steps}
    readers = [step.name for step in steps if any(s.kind == "model" for s in step.sources())]
    names = between(edges, readers, (step.name for step in steps if step.predicts))
    return [step.name for step in steps if step.name in names]


def with_rivals(steps: Sequence[PlanStep], *, is_canary: bool) -> tuple[PlanStep, ...]:
    """Return the steps with those of the challenger, in an order that respects every edge.

    Args:
        steps: those of the Recipe.
        is_canary: whether Predictors take rows of the challenger's predictions, and so wait for
            them; else the challenger's Predictors wait for theirs, to be compared with them.
    """
    names = repeated(steps)
    by_name = {step.name: step for step in steps}
    for name in names:
        step = by_name[name]
        rival = _rival(step, names)
        if step.predicts and is_canary:
            by_name[name] = replace(step, after=tuple(sorted({*step.after, rival.name})))
        elif step.predicts:
            rival = replace(rival, after=tuple(sorted({*rival.after, name})))
        by_name[rival.name] = rival
    return tuple(by_name[name] for name in order({n: s.upstream() for n, s in by_name.items()}))


def rival_name(step: str) -> str:
    """Return the name of the challenger's step."""
    return f"{CHALLENGER}.{step}"


def _rival(step: PlanStep, names: Collection[str]) -> PlanStep:
    return replace(
        step,
        name=rival_name(step.name),
        inputs={name: _source(source, names) for name, source in step.inputs.items()},
        foreach=step.foreach and step.foreach.mapped(lambda source: _source(source, names)),
        when=step.when and step.when.mapped(lambda source: _source(source, names)),
        retries=Retries(),
        rival_of=step.name,
    )


def _source(source: InputSource, names: Collection[str]) -> InputSource:
    if source.kind == "model":
        return replace(source, kind=CHALLENGER)
    if source.options:
        return replace(source, options=tuple(_source(one, names) for one in source.options))
    is_repeated = source.kind == "step" and source.name in names
    return replace(source, name=rival_name(source.name)) if is_repeated else source


def _read(step: PlanStep) -> list[str]:
    """Return the steps whose outputs a step reads."""
    return [source.name for source in step.sources() if source.kind == "step"]
