"""The edges of a part of a drawing: what its steps read and write, and what comes before what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw import facts
from atlas.draw.model import ORDER, WRITES, Edge
from atlas.recipe import KEY, LITERAL_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.condition import Condition
    from atlas.draw.parts import DrawnPart
    from atlas.plan.parts import InputSource, PlanStep

_WRITTEN = "target"
"""The input by which an `atlas.Sink` gets the data that it writes: the arrow leads there."""


def edges(part: DrawnPart) -> Iterator[Edge]:
    """Give the edges of a part: data, then order, then what makes the model.

    What the steps of a search hand to each other is inside its node, and isn't drawn.
    """
    for step in part.plan.steps:
        yield from (edge for edge in _of_step(part, step) if edge.source != edge.target)
    if part.plan.flow == "training" and part.plan.model:
        yield from _model_edges(part)


def _of_step(part: DrawnPart, step: PlanStep) -> Iterator[Edge]:
    target = part.step_id(step.name)
    for name, given in step.inputs.items():
        if name == _WRITTEN and given.kind == "data":
            note = f"writes {facts.source(given)}"
            yield Edge(target, part.source_id(given), note=note, kind=WRITES)
        else:
            reads = (one for one in given.each() if one.kind != KEY)
            yield from (_edge(part, one, target, name) for one in reads)
    if step.when:
        yield from _condition_edges(part, step.when, step.name)
    for axis, keys in step.foreach.axes if step.foreach else ():
        if keys.kind != LITERAL_KEYS:
            yield _edge(part, keys, target, f"each {axis}")
    for before in step.after:
        note = f"{part.drawn_name(before)} before {part.drawn_name(step.name)}"
        yield Edge(part.step_id(before), target, note=note, kind=ORDER)


def _condition_edges(part: DrawnPart, when: Condition, step: str) -> Iterator[Edge]:
    """Give the edges to the diamond of a condition, and from there to its step."""
    name = part.drawn_name(step)
    diamond = part.step_id(f"{name}.when")
    yield from (_edge(part, one, diamond, "when") for one in when.sources())
    yield Edge(diamond, part.step_id(name), note=f"{name} runs when {when.text(facts.source)}")


def _edge(part: DrawnPart, given: InputSource, target: str, name: str) -> Edge:
    """Return the edge of one input."""
    made = part.plan.by_name[given.name].outputs.get(given.output) if given.kind == "step" else None
    of_type = f": {facts.output(made)}" if made else ""
    label = "" if given.kind in ("data", "input") else given.output or given.name
    note = f"{facts.source(given)}{of_type} -> {name}"
    return Edge(part.source_id(given), target, label, note)


def _model_edges(part: DrawnPart) -> Iterator[Edge]:
    """Give an edge for each training output that is a part of the model."""
    for name, made in part.plan.model.parts.items() if part.plan.model else ():
        step, _, output = made.rpartition(".")
        if step in part.plan.by_name:
            target = part.shared_id("model")
            yield Edge(part.step_id(step), target, output, f"{made} -> model.{name}")
