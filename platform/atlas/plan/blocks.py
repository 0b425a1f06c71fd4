"""The steps of a Plan one by one, and those of a Recipe that runs once per key as one block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.graph import order

if TYPE_CHECKING:
    from atlas.plan.model import Plan
    from atlas.plan.parts import PlanStep


def blocks(plan: Plan) -> list[tuple[PlanStep, ...]]:
    """Return the steps in an order that respects every edge, those that loop together as one.

    The steps of a Recipe that runs once per key loop together, so that the next step of a key
    needn't wait for the other keys. Where a run may skip one of them, each loops by itself.
    """
    apart = {of.group for name in plan.skippable if (of := plan.step(name).foreach)}
    nodes = {step.name: _group(step, apart) or step.name for step in plan.steps}
    if all(name == node for name, node in nodes.items()):
        return [(step,) for step in plan.steps]
    edges: dict[str, list[str]] = {node: [] for node in nodes.values()}
    members: dict[str, list[PlanStep]] = {node: [] for node in edges}
    for step in plan.steps:
        node = nodes[step.name]
        members[node].append(step)
        edges[node] += [nodes[name] for name in step.upstream() if nodes[name] != node]
    return [tuple(members[node]) for node in order(edges)]


def _group(step: PlanStep, apart: set[str]) -> str:
    """Return the name of the block that a step is in, or nothing."""
    group = step.foreach.group if step.foreach else ""
    return "" if group in apart else group
