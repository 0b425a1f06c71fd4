"""From Plans to a Drawing: one Plan, or several with what they hand to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw import facts
from atlas.draw.model import TIMES, Drawing, Group
from atlas.draw.parts import parts_of
from atlas.draw.plan_edges import edges
from atlas.draw.plan_nodes import nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from atlas.draw.parts import DrawnPart
    from atlas.plan.model import Plan


def of_plan(plan: Plan) -> Drawing:
    """Return the drawing of one Plan; a step's id is its full name."""
    return of_plans([plan])


def of_plans(plans: Iterable[Plan], *, scoped: bool | None = None) -> Drawing:
    """Return one drawing of several Plans.

    The members of a family are drawn once, as they have the same steps; what differs between them
    says so. So are the rounds of a search, at the step that gives its best. Flows that share a
    model or data, and pipelines that read each other, are joined.

    Args:
        plans: in the order in which to draw them.
        scoped: whether ids tell Config and flow; by default, if there are several.

    Returns:
        The drawing. With one pipeline and flow, a step's id is its full name; otherwise
        ``<config>/<flow>/`` stands before it.
    """
    parts = parts_of(plans, scoped=scoped)
    lone = parts[0] if len(parts) == 1 else None
    drawn = {node.id: node for part in parts for node in nodes(part)}
    return Drawing(
        title=lone.title if lone else _title(parts),
        nodes=tuple(drawn.values()),
        edges=tuple(dict.fromkeys(edge for part in parts for edge in edges(part))),
        groups=tuple(group for part in parts for group in _groups(part)),
        notes=tuple(note for part in parts for note in _notes(part)),
        facts={name: text for part in parts for name, text in _facts(part)},
    )


def _title(parts: Sequence[DrawnPart]) -> str:
    """Return the names of the Configs, and the flows where there is only one Config."""
    configs = list(dict.fromkeys(part.plan.config for part in parts))
    if len(configs) == 1:
        return f"{configs[0]} · {' and '.join(part.plan.flow for part in parts)}"
    return ", ".join(configs) if configs else "nothing to draw"


def _notes(part: DrawnPart) -> Iterator[str]:
    """Tell which family it is, by how many values of each axis, and which member is drawn."""
    if not part.plan.axes:
        return
    axes = {axis: {plan.axes.get(axis, "") for plan in part.members} for axis in part.plan.axes}
    sizes = f" {TIMES} ".join(f"{axis} ({len(values)})" for axis, values in sorted(axes.items()))
    count = len(part.members)
    yield f"family {part.plan.config}: {count} members by {sizes}; drawn: {part.plan.pipeline}"


def _facts(part: DrawnPart) -> Iterator[tuple[str, str]]:
    """Give the facts of a part's Plan; where there are other parts, with its own name before."""
    scope = f"{part.scope}{facts.OF}" if part.scope else ""
    return ((f"{scope}{name}", text) for name, text in facts.of_plan(part.plan).items())


def _groups(part: DrawnPart) -> Iterator[Group]:
    """Give the box of the part itself, and one for each Recipe that was inlined.

    One that runs once per key as a whole says so.
    """
    if part.scope:
        yield Group(part.scope, part.title)
    origins = {step.name.rpartition(".")[0]: step.origin for step in part.plan.steps}
    loops = [step.foreach for step in part.plan.steps if step.foreach and step.foreach.group]
    many = {loop.group: f" {TIMES} {facts.keys(loop)}" for loop in loops}
    for name in dict.fromkeys(outer for inner in origins for outer in _outward(inner)):
        parent, _, label = name.rpartition(".")
        outer = part.step_id(parent) if parent else part.scope
        label = f"{label}{many.get(name, '')}"
        yield Group(part.step_id(name), label, origins.get(name, ""), outer)


def _outward(name: str) -> list[str]:
    """Return the dotted prefixes of a name, the name itself last."""
    words = name.split(".") if name else []
    return [".".join(words[: end + 1]) for end in range(len(words))]
